// The other way to wake: by event, from the Instance Manager (a button) or from scan-idle (a job is due).
import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { done, retry, type Answer } from '#shared/events/answer.ts'
import { receive } from '#shared/events/receive.ts'
import type { Log } from '#shared/server/log.ts'
import { types, type WakeRequested } from './event.ts'
import type { Keeper } from './instance/keeper.ts'
import * as room from './instance/room.ts'
import type { Rooms } from './instance/rooms.ts'
import { asked } from './instance/usage.ts'

export interface EventsDeps {
  readonly rooms: Rooms
  readonly keeper: Keeper
  readonly log: Log
  readonly metrics: Registry
  readonly now: () => number
}

export function eventsApp({ log, metrics, ...deps }: EventsDeps): Hono {
  return receive({ types, log, metrics, handle: async (event) => wake(event, deps) })
}

/** The answer is "it is on its way": how it went is told by instance.woken or wake.failed. */
export function wake(
  event: WakeRequested,
  { rooms, keeper, now }: Pick<EventsDeps, 'rooms' | 'keeper' | 'now'>,
): Answer {
  const { name, trigger, deploymentUid } = event.data
  if (!rooms.synced) return retry('this replica has just started', 2)
  if (isExpired(event, Date.now())) return done('the wish has expired')
  const entry = rooms.named(name)
  if (entry === undefined) return done('no such instance')
  if (deploymentUid !== undefined && deploymentUid !== entry.facts.uid)
    return done('it is about an earlier instance of this name')
  if (entry.room.world.status !== 'active') return done(`the instance is ${entry.room.world.status}`)
  // A scheduled job is no sign of a person: the instance sleeps again as soon as it is done.
  if (trigger !== 'cron') asked(entry, now())
  if (entry.room.life.is === 'awake') return done('it is awake')
  const why = trigger === 'cron' ? 'a scheduled job is due' : 'somebody asked for it'
  keeper.change(entry, (before, at) => room.demand(before, { trigger, why, client: 'event' }, at))
  return done(entry.room.life.is === 'asleep' ? 'it rests after a failed wake' : 'it is on its way')
}

/** CloudEvents extension "expirytime": an RFC 3339 instant. */
function isExpired({ extensions }: WakeRequested, now: number): boolean {
  const until = Date.parse(extensions['expirytime'] ?? '')
  return Number.isFinite(until) && until < now
}
