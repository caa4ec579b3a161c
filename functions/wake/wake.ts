// All rooms put together: one replica, without its environment and its ports.
import type { Registry } from 'prom-client'
import type { Hono } from 'hono'
import type { Publisher } from '#shared/events/publish.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { controlApp } from './control.ts'
import { eventsApp } from './events.ts'
import { createForwarder } from './forward.ts'
import type { Front } from './front.ts'
import { createHolds } from './hold.ts'
import { createKeeper } from './keeper.ts'
import { createWakeMetrics } from './metrics.ts'
import { createPark, parkDefaults, type ParkLimits } from './park.ts'
import { probeDefaults } from './probe.ts'
import { demand } from './room.ts'
import { createDoor, type Door } from './route.ts'
import { createRooms, type Rooms } from './rooms.ts'
import { watchInstances } from './watch.ts'

export interface WakeSettings {
  readonly replica: string
  readonly source: string
  readonly namespacePattern: string
  readonly labelSelector: string
  readonly wakeTimeoutMs: number
  readonly holdTimeoutMs: number
  readonly holdsPerInstance: number
  readonly holdsTotal: number
  readonly longestFenceMs: number
  readonly trustedProxies: readonly string[]
  readonly closeDatabaseManager: boolean
  /** Where instances listen; only tests have another one. */
  readonly httpPort?: number
  readonly park?: Partial<ParkLimits>
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
  const forwarder = createForwarder({ trustedProxies: settings.trustedProxies })
  const holds = createHolds({ perInstance: settings.holdsPerInstance, total: settings.holdsTotal })
  const metrics = createWakeMetrics(parts.metrics, {
    holds: () => holds.held,
    parked: () => park.parked,
    entries: () => rooms.all(),
    now,
  })
  const park = createPark({
    limits: { ...parkDefaults, ...settings.park },
    now,
    onHuman: (entry) => {
      const wish = { trigger: 'http' as const, why: 'somebody came back to an open tab' }
      keeper.change(entry, (before, at) => demand(before, wish, at))
    },
  })
  const keeper = createKeeper({
    kubernetes,
    publisher,
    log,
    now,
    source: settings.source,
    replica: settings.replica,
    limits: { wakeTimeoutMs: settings.wakeTimeoutMs },
    metrics,
    release: (host) => [httpPort, 8072].forEach((port) => forwarder.release({ host, port })),
    onAwake: (entry) => park.handBack(entry),
    signal: ending.signal,
    probe: { port: httpPort },
  })
  const rooms = createRooms({
    namespacePattern: settings.namespacePattern,
    now,
    change: keeper.change,
    forget: (entry) => {
      keeper.forget(entry)
      park.handBack(entry)
    },
    onConflict: (host, owner, other) => log.warn({ host, owner, other }, 'two instances claim one host'),
  })
  const ready = (): boolean => rooms.synced && parts.accepting()
  const front: Front = {
    rooms,
    keeper,
    holds,
    park,
    forwarder,
    metrics,
    log,
    now,
    ready,
    settings: { holdTimeoutMs: settings.holdTimeoutMs, closeDatabaseManager: settings.closeDatabaseManager, httpPort },
  }
  const events = eventsApp({ rooms, keeper, log, metrics: parts.metrics, now })
  const { replica, longestFenceMs, labelSelector } = settings
  return {
    door: createDoor(front),
    control: controlApp({ rooms, keeper, metrics, replica, startedAt, now, longestFenceMs, events }),
    rooms,
    ready,
    watch: () => watchInstances({ kubernetes, rooms, labelSelector, log }, ending.signal),
    leave: () => park.close(),
    async close() {
      ending.abort()
      keeper.close()
      await forwarder.close()
    },
  }
}
