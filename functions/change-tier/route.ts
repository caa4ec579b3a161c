import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { done, receive } from '#shared/events/receive.ts'
import { holdInstance } from '#shared/postgres/lock.ts'
import { decide } from './decide.ts'
import { act, observe, type Deps } from './effects.ts'
import { takes, type TierEvent } from './event.ts'

/** Reading, some twenty writes, and the wait for the kubelet. */
const DEADLINE_MS = 120_000

export function route(deps: Deps, metrics?: Registry): Hono {
  return receive({
    types: takes,
    log: deps.log,
    metrics,
    deadlineMs: DEADLINE_MS,
    handle: async (event, signal) => {
      // Most instances that fall asleep have no tier waiting for it: those need no lock.
      if (event.type !== 'io.platxa.instance.tier.changed.v1') {
        const decision = decide(await observe(event, deps, signal))
        if (decision.do === 'nothing') return done(decision.why)
      }
      return holdInstance(deps.admin, event.data.name, signal, (held) => change(event, deps, held))
    },
  })
}

async function change(event: TierEvent, deps: Deps, signal: AbortSignal) {
  return act(decide(await observe(event, deps, signal)), event, deps, signal)
}
