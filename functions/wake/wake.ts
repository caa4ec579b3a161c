// All rooms put together: one replica, without its environment and its ports.
import type { Registry } from 'prom-client'
import type { Hono } from 'hono'
import type { Publisher } from '#shared/events/publish.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { Row } from './classes/classes.ts'
import { createClassify } from './classes/classify.ts'
import { controlApp } from './control.ts'
import { eventsApp } from './events.ts'
import { createBudgets, unlimited, type BudgetLimits } from './budget.ts'
import { plainFault } from './connection/answer.ts'
import { clients, type ForwardedFor } from './connection/forwarded.ts'
import type { Entry } from './instance/entry.ts'
import { createForwarder } from './connection/forward.ts'
import type { Front } from './front.ts'
import { createHolds } from './hold.ts'
import { createKeeper } from './instance/keeper.ts'
import { createWakeMetrics } from './metrics.ts'
import { createLongPolls, longPollMs } from './tabs/long-poll.ts'
import { createPages } from './page/page.ts'
import type { Look } from './page/look.ts'
import { createPark, pingMs } from './tabs/park.ts'
import { createPlaces, placeDefaults, type PlaceLimits } from './tabs/places.ts'
import { probeDefaults } from './instance/probe.ts'
import { demand, isResting } from './instance/room.ts'
import { createDoor, type Door } from './route.ts'
import { createRooms, type Rooms } from './instance/rooms.ts'
import { createTabs } from './tabs/tabs.ts'
import { moved } from './instance/usage.ts'
import { watchInstances } from './instance/watch.ts'

export interface WakeSettings {
  readonly replica: string
  readonly source: string
  readonly namespacePattern: string
  readonly labelSelector: string
  readonly wakeTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly holdTimeoutMs: number
  readonly holdsPerInstance: number
  readonly holdsTotal: number
  readonly longestFenceMs: number
  /** CLASSES: rows before the built-in ones. */
  readonly classes?: readonly Row[]
  readonly trustedProxies: readonly string[]
  readonly forwardedFor?: ForwardedFor
  readonly closeDatabaseManager: boolean
  /** Without it the pages are nobody's. */
  readonly look?: Look
  /** PERIODIC_AFTER; 0 or none: no call is taken for a timer's. */
  readonly periodicAfterMs?: number
  /** Where instances listen; only tests have another one. */
  readonly httpPort?: number
  readonly budgets?: BudgetLimits
  readonly park?: Partial<PlaceLimits & { readonly pingMs: number }>
  /** How long a tab of Odoo 14 or 15 is kept waiting; only tests are less patient. */
  readonly longPollMs?: number
}

export interface WakeParts {
  readonly settings: WakeSettings
  readonly kubernetes: Kubernetes
  readonly publisher: Publisher | undefined
  readonly metrics: Registry
  readonly log: Log
  /** Whether the process still wants new work. */
  readonly accepting: () => boolean
}

export interface Wake {
  readonly door: Door
  readonly control: Hono
  readonly rooms: Rooms
  readonly ready: () => boolean
  /** Follows the cluster until `close`. */
  watch(): Promise<void>
  /** Tabs that are parked here find another replica. */
  leave(): void
  close(): Promise<void>
}

export function createWake(parts: WakeParts): Wake {
  const { settings, kubernetes, publisher, log } = parts
  // Never jumps and never runs backwards, whatever somebody does to the machine's clock.
  const { timeOrigin } = performance
  const now = (): number => timeOrigin + performance.now()
  const startedAt = now()
  const ending = new AbortController()
  const httpPort = settings.httpPort ?? probeDefaults.port
  const { trustedProxies, forwardedFor = 'keep' } = settings
  const forwarder = createForwarder({
    trustedProxies,
    forwardedFor,
    answerFault: (response, fault) => polls.end(response) || plainFault(response, fault),
  })
  const holdLimits = { perInstance: settings.holdsPerInstance, total: settings.holdsTotal }
  const holds = createHolds(holdLimits, (budget, who) => metrics.overBudget(budget, who))
  const budgets = createBudgets(settings.budgets ?? unlimited)
  const places = createPlaces({ ...placeDefaults, ...settings.park }, (budget) => metrics.overBudget(budget, 'nobody'))
  const metrics = createWakeMetrics(parts.metrics, {
    holds: () => holds.held,
    parked: () => places.taken,
    entries: () => rooms.all(),
    now,
  })
  const parking = {
    places,
    clientOf: clients(trustedProxies),
    onPresence: (entry: Entry, inactivityMs: number) => moved(entry, inactivityMs, now()),
    onHuman(entry: Entry, client: string | undefined) {
      const sleeps = entry.room.life.is === 'asleep' && !isResting(entry.room, now())
      const spent = sleeps ? budgets.spend(entry, client, 'person', now()) : undefined
      if (spent !== undefined) return metrics.overBudget(spent.budget, 'person')
      const wish = { trigger: 'http' as const, why: 'somebody came back to an open tab', client: 'open tab' as const }
      keeper.change(entry, (before, at) => demand(before, wish, at))
    },
  }
  const park = createPark({ ...parking, pingMs: settings.park?.pingMs ?? pingMs })
  const tabs = createTabs()
  const polls = createLongPolls({ ...parking, pollMs: settings.longPollMs ?? longPollMs })
  const handBack = (entry: Entry): void => {
    park.handBack(entry)
    polls.handBack(entry)
  }
  const keeper = createKeeper({
    kubernetes,
    publisher,
    log,
    now,
    source: settings.source,
    replica: settings.replica,
    idleTimeoutMs: settings.idleTimeoutMs,
    limits: { wakeTimeoutMs: settings.wakeTimeoutMs },
    metrics,
    release: (host) => [httpPort, 8072].forEach((port) => forwarder.release({ host, port })),
    onAwake: handBack,
    onPodTrouble: (entry, told) => rooms.tell(entry, told),
    signal: ending.signal,
    probe: { port: httpPort },
  })
  const rooms = createRooms({
    namespacePattern: settings.namespacePattern,
    now,
    change: keeper.change,
    forget: (entry) => {
      keeper.forget(entry)
      handBack(entry)
    },
    onConflict: (host, owner, other) => log.warn({ host, owner, other }, 'two instances claim one host'),
  })
  const ready = (): boolean => rooms.synced && parts.accepting()
  const front: Front = {
    classify: createClassify(settings.classes),
    rooms,
    keeper,
    holds,
    park,
    polls,
    tabs,
    pages: createPages(settings.look),
    budgets,
    clientOf: parking.clientOf,
    forwarder,
    metrics,
    log,
    now,
    ready,
    settings: {
      holdTimeoutMs: settings.holdTimeoutMs,
      closeDatabaseManager: settings.closeDatabaseManager,
      httpPort,
      periodicAfterMs: settings.periodicAfterMs ?? 0,
    },
  }
  const events = eventsApp({ rooms, keeper, log, metrics: parts.metrics, now })
  const { replica, longestFenceMs, labelSelector } = settings
  return {
    door: createDoor(front),
    control: controlApp({ rooms, tabs, keeper, metrics, replica, startedAt, now, longestFenceMs, events }),
    rooms,
    ready,
    watch: () => watchInstances({ kubernetes, rooms, labelSelector, log }, ending.signal),
    leave() {
      park.close()
      polls.close()
    },
    async close() {
      await keeper.close()
      ending.abort()
      await forwarder.close()
    },
  }
}
