import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { receive } from '#shared/events/receive.ts'
import { holdInstance } from '#shared/postgres/lock.ts'
import { decide } from './decide.ts'
import { act, observe, type Deps } from './effects.ts'
import { takes } from './event.ts'

/** Copying a large template on a busy disk; the Trigger waits longer than that. */
const DEADLINE_MS = 120_000

export function route(deps: Deps, metrics?: Registry): Hono {
  return receive({
    types: takes,
    log: deps.log,
    metrics,
    deadlineMs: DEADLINE_MS,
    // One event of an instance at a time: two that both find no Secret would each make a password of their own.
    handle: (event, signal) =>
      holdInstance(deps.admin, event.data.name, signal, async (held, session) => {
        const seen = await observe(event, deps, session, held)
        return act(decide(seen), seen, event, deps, held)
      }),
  })
}
