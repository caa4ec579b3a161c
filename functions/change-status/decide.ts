// What an event may still change of an instance's status, by what is there.
import type { Status } from '#shared/events/catalogue.ts'
import { presenceOf, type Known, type Standing } from '#shared/instance/known.ts'
import { mergeStatus } from '#shared/instance/revision.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import type { StatusChanged } from './event.ts'

export interface Seen {
  readonly changed: StatusChanged['data']
  readonly known: Known
}

export type Decision =
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'wait'; readonly why: string }
  | { readonly do: 'refuse'; readonly why: string }
  | { readonly do: 'lock out'; readonly spec: InstanceSpec; readonly status: Locked; readonly standing: Standing }
  | { readonly do: 'let in'; readonly spec: InstanceSpec; readonly standing: Standing }

/** Nobody may use it: not its visitors, not Odoo itself. */
export type Locked = Exclude<Status, 'active'>

export function decide({ changed, known }: Seen): Decision {
  const { name, revision, status } = changed
  const presence = presenceOf(known, name, revision)
  switch (presence.is) {
    case 'not yet':
      return { do: 'wait', why: presence.why }
    case 'removed':
      return { do: 'nothing', why: presence.why }
    case 'not ours':
      return { do: 'refuse', why: presence.why }
    case 'there': {
      const { standing } = presence
      const spec = mergeStatus(standing.spec, changed)
      const newest = standing.spec.revisions.status
      if (!spec) return { do: 'nothing', why: `revision ${revision} is older than ${newest}, which set the status` }
      return status === 'active' ? { do: 'let in', spec, standing } : { do: 'lock out', spec, status, standing }
    }
  }
}

/** The sentence for people. */
export function whyAsleep(status: Locked, reason: string | undefined): string {
  return `Asleep: ${status}${reason === undefined ? '' : `, ${reason}`}`
}
