import type { EventOf } from '#shared/events/emit.ts'

export const takes = ['io.platxa.instance.idle.detected.v1'] as const

export type IdleDetected = EventOf<(typeof takes)[number]>
