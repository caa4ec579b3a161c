// Twice: what an event means for the tier that is wanted, and then, when that is written down, how the instance gets it.
import type { EventData, Tier } from '#shared/events/catalogue.ts'
import { presenceOf, type Known, type Standing } from '#shared/instance/known.ts'
import type { Instance } from '#shared/instance/read.ts'
import { mergeTier } from '#shared/instance/revision.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import { tiers, workersOf, type WorkersPolicy } from '#shared/instance/tiers.ts'
import type { TierEvent } from './event.ts'

export interface Seen {
  readonly event: TierEvent
  readonly known: Known
}

export interface Wish {
  /** Of the event that first spoke of it. */
  readonly revision: number
  readonly apply: EventData<'io.platxa.instance.tier.changed.v1'>['apply']
  /** The tier is true already, only the Deployment waits for sleep: nobody has to be told again. */
  readonly told: boolean
}

export type Decision =
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'wait'; readonly why: string }
  | { readonly do: 'refuse'; readonly why: string }
  /** The same event again, carried out before. */
  | { readonly do: 'say it is so'; readonly what: { readonly revision: number; readonly tier: Tier } }
  | { readonly do: 'pursue'; readonly wish: Wish; readonly spec: InstanceSpec; readonly standing: Standing }

export function decide({ event, known }: Seen): Decision {
  return event.type === 'io.platxa.instance.tier.changed.v1'
    ? decideWish(event.data, known)
    : decideAsleep(event, known)
}

function decideWish(changed: EventData<'io.platxa.instance.tier.changed.v1'>, known: Known): Decision {
  const { name, revision, apply } = changed
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
      const spec = mergeTier(standing.spec, changed)
      const newest = standing.spec.revisions.tier
      if (!spec) return { do: 'nothing', why: `revision ${revision} is older than ${newest}, which set the tier` }
      if (spec.pendingTier === undefined || spec.pendingTier.is === 'resized') {
        return { do: 'say it is so', what: { revision, tier: spec.tier } }
      }
      return { do: 'pursue', wish: { revision, apply, told: false }, spec, standing }
    }
  }
}

function decideAsleep(event: TierEvent, known: Known): Decision {
  const spec = known.namespace?.spec
  const pending = spec?.pendingTier
  if (spec && pending === undefined && spec.tierSettledBy === identityOf(event)) {
    return { do: 'say it is so', what: { revision: spec.revisions.tier, tier: spec.tier } }
  }
  if (pending === undefined) return { do: 'nothing', why: 'no tier waits for its sleep' }
  const presence = presenceOf(known, event.data.name, pending.revision)
  if (presence.is !== 'there') return { do: 'nothing', why: presence.why }
  const { standing } = presence
  const wish = { revision: pending.revision, apply: 'when-asleep' as const, told: pending.is === 'resized' }
  return { do: 'pursue', wish, spec: standing.spec, standing }
}

/** CloudEvents 1.0 §3.1.1: source and id together tell an event from all others. */
export function identityOf({ source, id }: TierEvent): string {
  return `${source} ${id}`
}

export interface Running {
  /** An earlier run told it to restart for this tier. */
  readonly restarting: boolean
  readonly instance: Instance | undefined
  /** Memory of the running Odoo container; undefined when none is running. */
  readonly memoryBytes: number | undefined
}

export type How = 'wait for its sleep' | 'while it is asleep' | 'in place' | 'by a restart'

/** By what is there now that the wish is written down: an instance that falls asleep from here on is told to us. */
export function howTo(
  tier: Tier,
  { apply }: Wish,
  { restarting, instance, memoryBytes }: Running,
  policy: WorkersPolicy,
): How {
  if (instance === undefined || instance.replicas === 0) return 'while it is asleep'
  if (apply === 'when-asleep') return 'wait for its sleep'
  if (restarting) return 'by a restart'
  // Read once, at start. From threaded to prefork there is no other way, and half the workers are not the tier.
  if (workersOf(tier, policy) !== instance.workers) return 'by a restart'
  // Memory cannot be taken from a process that may be using it.
  const wanted = tiers[tier].memoryMi * 1024 * 1024
  return memoryBytes === undefined || memoryBytes > wanted ? 'by a restart' : 'in place'
}
