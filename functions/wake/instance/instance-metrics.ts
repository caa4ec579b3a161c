// What this replica says of each awake instance: a sleeper has no series, so their number follows what is awake. The label
// is `name`: Prometheus keeps `instance` and `namespace` for whom it scrapes and would rename ours.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Totals } from '#shared/instance/read.ts'
import type { Entry } from './entry.ts'
import { lastUsedAt } from './usage.ts'

export interface MeasuredInstances {
  readonly entries: () => Iterable<Entry>
  readonly now: () => number
}

type Read = (entry: Entry) => number | null | undefined

export function instanceGauges(registry: Registry, { entries, now }: MeasuredInstances): void {
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

/** Who never woke since it was made has nothing to tell. */
export const instancesTold = 1000

/**
 * What sleeping saves, as the Deployments have it: every replica says the same, so that a query takes the maximum over them.
 * At most `instancesTold` instances, those that wake most, whatever the size of the fleet.
 */
export function instanceTotals(registry: Registry, { entries }: Pick<MeasuredInstances, 'entries'>): void {
  const total = (name: string, help: string, of: (totals: Totals) => number): void =>
    registry.registerMetric(
      new Counter({
        name: `platxa_wake_instance_${name}_total`,
        help,
        labelNames: ['name'],
        registers: [],
        collect() {
          this.reset()
          for (const one of mostWoken(entries())) this.inc({ name: one.name }, of(one.totals))
        },
      }),
    )
  total('wakes', 'Times an instance was woken', (totals) => totals.wakes)
  total('sleeps', 'Times an instance fell asleep', (totals) => totals.sleeps)
  total('false_wakes', 'Wakes for a request after which nobody asked for anything', (totals) => totals.falseWakes)
  total('awake_seconds', 'Seconds an instance was awake, until it last fell asleep', (totals) => totals.awakeSeconds)
}

interface Counted {
  readonly name: string
  readonly totals: Totals
}

export function mostWoken(entries: Iterable<Entry>, most = instancesTold): readonly Counted[] {
  const counted: Counted[] = []
  for (const { facts } of entries) if (facts.totals !== null) counted.push({ name: facts.name, totals: facts.totals })
  if (counted.length <= most) return counted
  return counted.sort((a, b) => b.totals.wakes - a.totals.wakes).slice(0, most)
}

/** From the clock that never jumps to the one that Prometheus has. */
function wallClock(at: number | undefined, now: number): number | undefined {
  return at === undefined ? undefined : (Date.now() - (now - at)) / 1000
}
