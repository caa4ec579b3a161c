// What of an instance a removal may still take away. It is about one namespace, named by its UID: another of the same name
// is another instance, whatever the revisions say.
import type { Known, SeenNamespace } from '#shared/instance/known.ts'
import { namespaceOf } from '#shared/instance/names.ts'
import { isOutdated } from '#shared/instance/revision.ts'
import type { Tombstone } from '#shared/instance/tombstone.ts'
import type { RemovalRequested } from './event.ts'

export interface Seen {
  readonly requested: RemovalRequested['data']
  readonly known: Known
}

export type Decision =
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'refuse'; readonly why: string }
  /** Where the namespace is: still there, on its way out (an earlier run, or somebody by hand), or gone. */
  | { readonly do: 'take down'; readonly namespace: SeenNamespace; readonly tombstone: Tombstone | undefined }
  | { readonly do: 'see it leave'; readonly tombstone: Tombstone | undefined }
  | { readonly do: 'take the database'; readonly tombstone: Tombstone | undefined }
  /** The name is another instance's by now: only a database that says it is of this one may go. */
  | { readonly do: 'take what is surely its own' }

export function decide({ requested, known }: Seen): Decision {
  const { name, revision, uid } = requested
  const { namespace } = known
  const tombstone = tombstoneFor(requested, known)
  if (namespace === undefined) return { do: 'take the database', tombstone }
  if (namespace.uid !== uid) return { do: 'take what is surely its own' }
  if (!namespace.ours) return { do: 'refuse', why: `namespace "${namespaceOf(name)}" is not an instance's` }
  if (namespace.leaving) return { do: 'see it leave', tombstone }
  if (namespace.spec && isOutdated(namespace.spec, revision)) {
    const newest = namespace.spec.revisions.requested
    return { do: 'nothing', why: `revision ${revision} is older than ${newest}, which asked for the instance again` }
  }
  return { do: 'take down', namespace, tombstone }
}

/** Undefined: the one that is there says it already. It never goes back to an older revision. */
function tombstoneFor({ revision, uid }: Seen['requested'], { namespace, tombstone }: Known): Tombstone | undefined {
  const newest = Math.max(revision, tombstone?.revision ?? 0)
  const said = tombstone?.revision === newest && (tombstone.uid === uid || namespace === undefined)
  return said ? undefined : { revision: newest, uid }
}
