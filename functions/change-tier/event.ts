import type { EventOf } from '#shared/events/emit.ts'

/** The wish, and the two after which an instance is asleep that may have waited for it. */
export const takes = [
  'io.platxa.instance.tier.changed.v1',
  'io.platxa.instance.slept.v1',
  'io.platxa.instance.status.applied.v1',
] as const

export type TierEvent = EventOf<(typeof takes)[number]>
