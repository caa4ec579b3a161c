// What an event may do to an instance, by what is there already. Everything that can never succeed is refused here, before
// anything is made, so that a refusal leaves nothing behind.
import { explain } from '#shared/events/catalogue.ts'
import { removalInForce, type Known } from '#shared/instance/known.ts'
import { databaseOf, namespaceOf, templateOf } from '#shared/instance/names.ts'
import { isOutdated, mergeRequested } from '#shared/instance/revision.ts'
import { instanceSpec, type InstanceSpec } from '#shared/instance/spec.ts'
import type { Survey } from '#shared/postgres/survey.ts'
import type { InstanceRequested } from './event.ts'

export interface Seen {
  readonly requested: InstanceRequested['data']
  readonly known: Known
  readonly survey: Survey
}

export type Decision =
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'wait'; readonly why: string }
  | { readonly do: 'refuse'; readonly step: string; readonly reason: string }
  | { readonly do: 'provision'; readonly spec: InstanceSpec }

export function decide({ requested, known, survey }: Seen): Decision {
  const { namespace } = known
  const { revision } = requested
  const place = namespaceOf(requested.name)
  if (namespace?.ours === false) return refuse('namespace', `namespace "${place}" is there and is not an instance's`)
  const removal = removalInForce(known)
  if (removal && removal.revision >= revision) {
    return refuse(
      'removed',
      `the instance was removed by revision ${removal.revision}: only a newer one brings it back`,
    )
  }
  if (namespace && (namespace.leaving || removal)) {
    return { do: 'wait', why: `namespace "${place}" is still being removed` }
  }
  if (namespace?.spec && isOutdated(namespace.spec, revision)) {
    const newest = namespace.spec.revisions.requested
    return { do: 'nothing', why: `revision ${revision} is older than ${newest}, which asked for it again` }
  }
  if (survey.obstacle !== undefined) return refuse('database', survey.obstacle)
  if (survey.clone && survey.clone.origin?.uid !== namespace?.uid) {
    const database = databaseOf(requested.name)
    return refuse('database', `database "${database}" is that of an earlier instance of this name`)
  }
  const before = survey.clone && namespace?.spec
  if (before && before.odooVersion !== requested.odooVersion) {
    return refuse('version', `the database is one of Odoo ${before.odooVersion}: an upgrade is not provisioning`)
  }
  const template = before ? before.template : templateWanted(requested)
  if (!survey.clone && !survey.templateExists) return refuse('template', `there is no database template "${template}"`)
  // These two are decided once, when the database is made.
  const wanted = instanceSpec.safeParse({ ...requested, template, ...(before && { adminLogin: before.adminLogin }) })
  if (!wanted.success) return refuse('spec', explain(wanted.error))
  return { do: 'provision', spec: mergeRequested(namespace?.spec, wanted.data) ?? wanted.data }
}

/** The template a new database would be cloned from. */
export function templateWanted({ template, odooVersion }: Seen['requested']): string {
  return template ?? templateOf(odooVersion)
}

function refuse(step: string, reason: string): Decision {
  return { do: 'refuse', step, reason }
}
