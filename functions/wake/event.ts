import type { EventOf } from '#shared/events/emit.ts'

export const types = ['io.platxa.instance.wake.requested.v1'] as const
export type WakeRequested = EventOf<(typeof types)[number]>
