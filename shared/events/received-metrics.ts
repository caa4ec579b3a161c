import { Counter, Histogram, type Registry } from 'prom-client'

export interface EventMetrics {
  count(type: string, outcome: string): void
  observe(type: string, outcome: string, milliseconds: number): void
}

const labelNames = ['type', 'outcome'] as const
const known = new WeakMap<Registry, EventMetrics>()

/** One pair of metrics per registry, however many apps share it. */
export function eventMetrics(registry: Registry): EventMetrics {
  const found = known.get(registry) ?? register(registry)
  known.set(registry, found)
  return found
}

function register(registry: Registry): EventMetrics {
  const total = new Counter({
    name: 'platxa_events_total',
    help: 'Events received, by type and by what became of them',
    labelNames,
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'platxa_event_duration_seconds',
    help: 'From the request of the broker to our answer',
    labelNames,
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  })
  return {
    count: (type, outcome) => total.inc({ type, outcome }),
    observe: (type, outcome, milliseconds) => seconds.observe({ type, outcome }, milliseconds / 1000),
  }
}
