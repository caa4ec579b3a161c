import type { EventOf } from '#shared/events/emit.ts'

export const takes = ['io.platxa.instance.removal.requested.v1'] as const

export type RemovalRequested = EventOf<(typeof takes)[number]>
