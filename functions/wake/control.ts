// The control port: what the other functions and the console ask a wake replica (shared/wake/contract.ts).
import { Hono } from 'hono'
import { randomUUID } from 'node:crypto'
import { fenceRequest, type Activity, type FenceReport, type TabsAsked } from '#shared/wake/contract.ts'
import type { Entry } from './instance/entry.ts'
import { isFenced, lift, raise } from './instance/fence.ts'
import type { Keeper } from './instance/keeper.ts'
import type { Metrics } from './metrics.ts'
import { progressOf } from './own-paths.ts'
import type { Rooms } from './instance/rooms.ts'
import { stateOf } from './instance/state.ts'
import type { Tabs } from './tabs/tabs.ts'
import { observationOf } from './instance/usage.ts'

export interface ControlDeps {
  readonly rooms: Rooms
  readonly tabs: Tabs
  readonly keeper: Keeper
  readonly metrics: Metrics
  readonly replica: string
  readonly startedAt: number
  readonly now: () => number
  /** FENCE_TTL: no fence stands longer, whoever asks. */
  readonly longestFenceMs: number
  /** The events of the broker, at `POST /`. */
  readonly events: Hono
}

const longestBody = 1024

export function controlApp(deps: ControlDeps): Hono {
  const { rooms, tabs, keeper, metrics, now, startedAt } = deps
  const upForMs = (): number => Math.max(0, now() - startedAt)

  return new Hono()
    .get('/activity', (context) => {
      const instances: Activity['instances'] = {}
      for (const entry of rooms.all()) if (isWorthTelling(entry)) instances[entry.facts.name] = tell(entry, now())
      return context.json({ replica: deps.replica, upForMs: upForMs(), instances } satisfies Activity)
    })
    .get('/instances/:name', (context) => {
      const entry = rooms.named(context.req.param('name'))
      if (entry === undefined) return context.json({ error: 'no such instance' }, 404)
      return context.json({
        ...tell(entry, now()),
        progress: progressOf(entry, undefined, now()),
        history: entry.moments,
      })
    })
    .post('/instances/:name/fence', async (context) => {
      const entry = rooms.named(context.req.param('name'))
      // The body is a dozen bytes; whoever sends more, or does not say how much, is no function of ours.
      if (!(Number(context.req.header('content-length')) <= longestBody))
        return context.json({ error: 'too long' }, 413)
      const asked = fenceRequest.safeParse(await context.req.json().catch(() => undefined))
      if (!asked.success) return context.json({ error: 'ttlMs must be a whole number from 100 to 60000' }, 400)
      if (entry === undefined) {
        metrics.fence('unknown instance')
        return context.json({ error: 'no such instance' }, 404)
      }
      const fence = randomUUID()
      let raised = false
      keeper.change(entry, (before, at) => {
        const step = raise(before, fence, Math.min(asked.data.ttlMs, deps.longestFenceMs), at)
        raised = step !== null
        return step ?? { room: before, commands: [] }
      })
      metrics.fence(raised ? 'raised' : 'already fenced')
      if (!raised) return context.json({ error: 'already fenced' }, 409)
      return context.json({ fence, upForMs: upForMs(), ...observationOf(entry, now()) } satisfies FenceReport)
    })
    .post('/instances/:name/tabs', (context) => {
      const entry = rooms.named(context.req.param('name'))
      if (entry === undefined) return context.json({ error: 'no such instance' }, 404)
      return context.json({ asked: tabs.ask(entry) } satisfies TabsAsked)
    })
    .delete('/instances/:name/fence/:id', (context) => {
      const entry = rooms.named(context.req.param('name'))
      const id = context.req.param('id')
      const stood = entry !== undefined && entry.room.fence?.id === id && isFenced(entry.room, now())
      if (entry !== undefined) keeper.change(entry, (before) => lift(before, id))
      metrics.fence(stood ? 'lifted' : 'expired or gone')
      return context.body(null, 204)
    })
    .route('/', deps.events)
}

/** Sleepers nobody asked for say nothing new, and there are thousands of them. */
function isWorthTelling({ room, usage }: Entry): boolean {
  return room.life.is !== 'asleep' || room.fence !== null || usage !== null
}

function tell(entry: Entry, now: number): Activity['instances'][string] {
  const { state, why } = stateOf(entry, now)
  const { sockets = 0, parked = 0 } = entry.usage ?? {}
  return { ...observationOf(entry, now), sockets, parked, state, why, fenced: isFenced(entry.room, now) }
}
