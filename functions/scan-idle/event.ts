import type { EventOf } from '#shared/events/emit.ts'

export const takes = [
  'dev.knative.sources.ping',
  'io.platxa.idle.scan.requested.v1',
  'io.platxa.alert.firing.v1',
] as const

export type Cause = EventOf<(typeof takes)[number]>
