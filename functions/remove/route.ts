import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { receive } from '#shared/events/receive.ts'
import { holdInstance } from '#shared/postgres/lock.ts'
import { decide } from './decide.ts'
import { act, observe, type Deps } from './effects.ts'
import { takes } from './event.ts'

/** Both waits and the drop of a large database; the Trigger waits longer than that. */
const DEADLINE_MS = 300_000

export function route(deps: Deps, metrics?: Registry): Hono {
  return receive({
    types: takes,
    log: deps.log,
    metrics,
    deadlineMs: DEADLINE_MS,
    handle: (event, signal) =>
      holdInstance(deps.admin, event.data.name, signal, async (held, session) =>
        act(decide(await observe(event, deps, held)), event, { ...deps, session }, held),
      ),
  })
}
