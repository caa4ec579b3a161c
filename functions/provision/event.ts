import type { EventOf } from '#shared/events/emit.ts'

export const takes = ['io.platxa.instance.requested.v1'] as const

export type InstanceRequested = EventOf<(typeof takes)[number]>
