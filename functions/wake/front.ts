// What all requests at the front door share.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '#shared/server/log.ts'
import type { Budgets } from './budget.ts'
import type { Class, Classify, Kind } from './classes/classify.ts'
import type { Entry } from './instance/entry.ts'
import type { Forwarder } from './connection/forward.ts'
import type { Holds } from './hold.ts'
import type { Keeper } from './instance/keeper.ts'
import type { Metrics } from './metrics.ts'
import type { LongPolls } from './tabs/long-poll.ts'
import type { Pages } from './page/page.ts'
import type { Park } from './tabs/park.ts'
import type { Rooms } from './instance/rooms.ts'
import type { Tabs } from './tabs/tabs.ts'

export interface FrontSettings {
  /** HOLD_TIMEOUT, from the request's arrival. */
  readonly holdTimeoutMs: number
  /** CLOSE_DATABASE_MANAGER */
  readonly closeDatabaseManager: boolean
  /** PERIODIC_AFTER: identical calls that kept one period for so long are a timer's; 0 = never. */
  readonly periodicAfterMs: number
  /** Port of the pods; 8069. */
  readonly httpPort: number
}

export interface Front {
  readonly classify: Classify
  readonly rooms: Rooms
  readonly keeper: Keeper
  readonly holds: Holds
  readonly park: Park
  readonly polls: LongPolls
  readonly tabs: Tabs
  readonly pages: Pages
  readonly budgets: Budgets
  readonly forwarder: Forwarder
  readonly metrics: Metrics
  readonly settings: FrontSettings
  readonly log: Log
  /** Where a request comes from, as trusted proxies say; undefined when they do not say. */
  readonly clientOf: (request: IncomingMessage) => string | undefined
  /** Milliseconds on a clock that never jumps. */
  readonly now: () => number
  /** Whether this replica takes new work: what the readiness probe is told. */
  readonly ready: () => boolean
}

/** One request from its arrival to its answer. */
export interface Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly host: string
  /** Path and query. */
  readonly target: string
  readonly kind: Kind
  readonly requestClass: Class
  readonly at: number
}

/** What a visitor is told to expect of an instance that has no history. */
export const usualDefaultMs = 6_000

export function usualMsOf(known: number | undefined): number {
  return known ?? usualDefaultMs
}

/** Odoo serves these from its gevent port where it has workers: the bus, and its ancestor. */
export function portFor(entry: Entry, target: string, settings: FrontSettings): number {
  const isBus = target.startsWith('/websocket') || target.startsWith('/longpolling/')
  return isBus && entry.facts.websocketPort !== 8069 ? entry.facts.websocketPort : settings.httpPort
}
