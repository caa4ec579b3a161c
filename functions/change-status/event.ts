import type { EventOf } from '#shared/events/emit.ts'

export const takes = ['io.platxa.instance.status.changed.v1'] as const

export type StatusChanged = EventOf<(typeof takes)[number]>
