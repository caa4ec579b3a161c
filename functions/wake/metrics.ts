// What an operator sees on :9090. The counters of the hot path are plain numbers that Prometheus' client reads when it is
// asked; every label has a fixed set of values, whatever a client sends.
import { Counter, Gauge, Histogram, type GaugeConfiguration, type Registry } from 'prom-client'
import { trigger } from '#shared/events/fields.ts'
import type { WakeBudget } from './budget.ts'
import type { Class } from './classes/classify.ts'
import type { Waking } from './instance/life.ts'
import { isFenced } from './instance/fence.ts'
import type { HoldBudget, Holder } from './hold.ts'
import type { ParkBudget } from './tabs/places.ts'
import { instanceGauges, instanceTotals, type MeasuredInstances } from './instance/instance-metrics.ts'
import { phases, troubleCodes, type TroubleCode } from './instance/world.ts'

/** How a request ended. */
const outcomes = [
  'forwarded',
  'broken',
  'client gone',
  'page',
  'answered for',
  'not now',
  'failed wake',
  'full',
  'over budget',
  'too long',
  'closed',
  'suspended',
  'disabled',
  'unknown host',
  'bad request',
] as const
export type Outcome = (typeof outcomes)[number]

const socketOutcomes = ['forwarded', 'parked', 'refused', 'broken'] as const
const fenceOutcomes = ['raised', 'already fenced', 'unknown instance', 'lifted', 'expired or gone'] as const
export type SocketOutcome = (typeof socketOutcomes)[number]
export type FenceOutcome = (typeof fenceOutcomes)[number]

export interface Metrics {
  request(requestClass: Class, outcome: Outcome): void
  socket(outcome: SocketOutcome): void
  /** From the first request of a person to the moment it could be handed over. */
  woken(waking: Waking, at: number): void
  failed(trigger: string, reason: TroubleCode): void
  scaleAsked(): void
  held(ms: number, end: string): void
  /** From "the instance answers" to "the request that waited is on its way". */
  addedAfterReady(ms: number): void
  fence(outcome: FenceOutcome): void
  /** Somebody was turned away by a bound. */
  overBudget(budget: Budget, who: Holder): void
}

export type Budget = WakeBudget | HoldBudget | ParkBudget
const bounds: Readonly<Record<Budget, true>> = {
  'wakes per client': true,
  'wakes per instance': true,
  'holds per instance': true,
  'holds in all': true,
  'parked per client': true,
  'parked per instance': true,
  'parked in all': true,
}
const holders: Readonly<Record<Holder, true>> = { person: true, other: true, nobody: true }

/** Where the gauges look when they are asked. */
export interface Measured extends MeasuredInstances {
  readonly holds: () => number
  readonly parked: () => number
}

type Tally = ReadonlyMap<Outcome, { count: number }>
type Tallies = Readonly<Record<Class, Tally>>

const triggers = trigger.options
const wakeBuckets = [0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300]

export function createWakeMetrics(registry: Registry, measured: Measured): Metrics {
  const registers = [registry]
  const none = (): Tally => new Map(outcomes.map((outcome) => [outcome, { count: 0 }]))
  const tallies: Tallies = { A: none(), B: none(), C: none() }
  requestCounter(registry, tallies)
  gauges(registry, measured)
  instanceGauges(registry, measured)
  instanceTotals(registry, measured)
  const sockets = new Counter({
    name: 'platxa_wake_sockets_total',
    help: 'WebSocket upgrades by how they were answered',
    labelNames: ['outcome'],
    registers,
  })
  const wakes = new Counter({
    name: 'platxa_wake_wakes_total',
    help: 'Wakes that this replica asked for, by trigger and outcome',
    labelNames: ['trigger', 'outcome'],
    registers,
  })
  const patches = new Counter({
    name: 'platxa_wake_patches_total',
    help: 'PATCHes of scale: one per wake and replica',
    registers,
  })
  const seconds = new Histogram({
    name: 'platxa_wake_phase_seconds',
    help: 'Seconds from the beginning of a wake until a phase was seen',
    labelNames: ['phase'],
    buckets: wakeBuckets,
    registers,
  })
  const holds = new Histogram({
    name: 'platxa_wake_held_seconds',
    help: 'How long requests were held, by how it ended',
    labelNames: ['end'],
    buckets: wakeBuckets,
    registers,
  })
  const added = new Histogram({
    name: 'platxa_wake_added_after_ready_seconds',
    help: 'From the moment an instance answers until a held request is on its way',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.06, 0.1, 0.25, 1],
    registers,
  })
  const fences = new Counter({
    name: 'platxa_wake_fences_total',
    help: 'Fences asked for, by what became of them',
    labelNames: ['outcome'],
    registers,
  })
  const budgets = new Counter({
    name: 'platxa_wake_over_budget_total',
    help: 'Who was turned away by a bound, by the bound: person, other (class A), nobody (background)',
    labelNames: ['budget', 'who'],
    registers,
  })
  // A counter that is first seen at 1 has not risen for Prometheus: the first failure would raise no alarm.
  for (const outcome of ['woken', ...troubleCodes])
    for (const which of triggers) wakes.inc({ trigger: which, outcome }, 0)
  for (const phase of [...phases, 'total']) seconds.zero({ phase })
  for (const outcome of socketOutcomes) sockets.inc({ outcome }, 0)
  for (const outcome of fenceOutcomes) fences.inc({ outcome }, 0)
  for (const budget of Object.keys(bounds)) for (const who of Object.keys(holders)) budgets.inc({ budget, who }, 0)

  return {
    request(requestClass, outcome) {
      const tally = tallies[requestClass].get(outcome)
      if (tally !== undefined) tally.count += 1
    },
    socket: (outcome) => sockets.inc({ outcome }),
    woken({ wish, since, marks }, at) {
      wakes.inc({ trigger: wish?.trigger ?? 'other', outcome: 'woken' })
      for (const phase of phases) {
        const mark = marks[phase]
        if (mark !== undefined) seconds.observe({ phase }, (mark - since) / 1000)
      }
      seconds.observe({ phase: 'total' }, (at - since) / 1000)
    },
    failed: (trigger, reason) => wakes.inc({ trigger, outcome: reason }),
    scaleAsked: () => patches.inc(),
    held: (ms, end) => holds.observe({ end }, ms / 1000),
    addedAfterReady: (ms) => added.observe(ms / 1000),
    fence: (outcome) => fences.inc({ outcome }),
    overBudget: (budget, who) => budgets.inc({ budget, who }),
  }
}

/** Registers itself; Prometheus' client reads the numbers when it is asked. */
function requestCounter(registry: Registry, tallies: Tallies): void {
  const counter = new Counter({
    name: 'platxa_wake_requests_total',
    help: 'Requests by class (A people, B background, C parts of pages) and how they ended',
    labelNames: ['class', 'outcome'],
    registers: [],
    collect() {
      this.reset()
      for (const [requestClass, outcomes] of Object.entries(tallies))
        for (const [outcome, { count }] of outcomes) this.inc({ class: requestClass, outcome }, count)
    },
  })
  registry.registerMetric(counter)
}

function gauges(registry: Registry, { holds, parked, entries, now }: Measured): void {
  const gauge = (configuration: GaugeConfiguration<string>): void =>
    registry.registerMetric(new Gauge({ ...configuration, registers: [] }))
  gauge({
    name: 'platxa_wake_holds',
    help: 'Requests that wait now',
    collect() {
      this.set(holds())
    },
  })
  gauge({
    name: 'platxa_wake_parked_sockets',
    help: 'WebSockets of sleeping instances that are kept open',
    collect() {
      this.set(parked())
    },
  })
  gauge({
    name: 'platxa_wake_instances',
    help: 'Instances by state as this replica sees them',
    labelNames: ['state'],
    collect() {
      this.reset()
      for (const { room } of entries()) this.inc({ state: isFenced(room, now()) ? 'fenced' : room.life.is })
    },
  })
}
