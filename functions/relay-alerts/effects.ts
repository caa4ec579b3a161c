import { Counter, type Registry } from 'prom-client'
import { makeEvent } from '#shared/events/emit.ts'
import { PublishError, type Publisher } from '#shared/events/publish.ts'
import type { Log } from '#shared/server/log.ts'
import type { Relayed } from './decide.ts'

export interface Deps {
  readonly publisher: Publisher
  readonly log: Log
  readonly counters: Counters
}

export interface Counters {
  readonly relayed: (status: 'firing' | 'resolved') => void
  readonly truncated: (alerts: number) => void
  readonly malformed: () => void
}

export function alertCounters(registry: Registry): Counters {
  const registers = [registry]
  const relayed = new Counter({
    name: 'platxa_alerts_relayed_total',
    help: 'Alerts relayed as events',
    labelNames: ['status'],
    registers,
  })
  const truncated = new Counter({
    name: 'platxa_alerts_truncated_total',
    help: 'Alerts that max_alerts cut off',
    registers,
  })
  const malformed = new Counter({
    name: 'platxa_alert_notifications_malformed_total',
    help: 'Notifications that could not be read',
    registers,
  })
  return {
    relayed: (status) => relayed.inc({ status }),
    truncated: (alerts) => truncated.inc(alerts),
    malformed: () => malformed.inc(),
  }
}

/** How many of them the broker did not take. Published again they are the same events. */
export async function act(
  alerts: readonly Relayed[],
  { publisher, log, counters }: Deps,
  signal: AbortSignal,
): Promise<number> {
  let lost = 0
  for (const { type, id, source, time, instance: name, data } of alerts) {
    try {
      await publisher.publish(makeEvent({ type, id, source, time, name, data }), { signal })
      counters.relayed(type === 'io.platxa.alert.firing.v1' ? 'firing' : 'resolved')
    } catch (error) {
      if (!(error instanceof PublishError)) throw error
      log.error({ 'event id': id, type, instance: name, error: error.message }, 'alert not relayed')
      lost += 1
    }
  }
  return lost
}
