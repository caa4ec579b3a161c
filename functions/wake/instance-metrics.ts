// What this replica says of each awake instance: a sleeper has no series, so their number follows what is awake. The label
// is `name`: Prometheus keeps `instance` and `namespace` for whom it scrapes and would rename ours.
import { Gauge, type Registry } from 'prom-client'
import type { Entry } from './entry.ts'
import type { Measured } from './metrics.ts'
import { lastUsedAt } from './usage.ts'

type Read = (entry: Entry) => number | null | undefined

export function instanceGauges(registry: Registry, { entries, now }: Pick<Measured, 'entries' | 'now'>): void {
  const gauge = (name: string, help: string, read: Read): void =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: ['name'],
        registers: [],
        collect() {
          this.reset()
          for (const entry of entries()) {
            const value = entry.room.life.is === 'awake' ? read(entry) : undefined
            if (value !== null && value !== undefined) this.set({ name: entry.facts.name }, value)
          }
        },
      }),
    )
  gauge(
    'platxa_wake_awake_since_timestamp_seconds',
    'When an instance that is awake was woken or made; every replica says the same',
    ({ facts }) => facts.awakeSince,
  )
  gauge(
    'platxa_wake_last_activity_timestamp_seconds',
    'When an awake instance was last used, as this replica saw it: now while a request of a person or an API client is in flight',
    (entry) => wallClock(lastUsedAt(entry, now()), now()),
  )
  gauge(
    'platxa_wake_instance_in_flight',
    'Requests of people and API clients under way to an awake instance',
    ({ usage }) => usage?.inFlight,
  )
  gauge('platxa_wake_instance_sockets', 'WebSockets open to an awake instance', ({ usage }) => usage?.sockets)
}

/** From the clock that never jumps to the one that Prometheus has. */
function wallClock(at: number | undefined, now: number): number | undefined {
  return at === undefined ? undefined : (Date.now() - (now - at)) / 1000
}
