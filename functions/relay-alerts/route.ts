import { Hono } from 'hono'
import { z } from 'zod'
import { readBody } from '#shared/events/read-body.ts'
import { EventRefused } from '#shared/events/refused.ts'
import { decide } from './decide.ts'
import { act, type Deps } from './effects.ts'
import { notification } from './event.ts'

/** Alertmanager waits for at most the interval of its group; five minutes is its default. */
const deadlineMs = 240_000
const maxBytes = 4 * 1024 * 1024

/**
 * Alertmanager tries again on 5xx alone and drops a notification on any 4xx (knative.md §5.1): so 503 means "the broker
 * does not take it", and 422 that it never can be read.
 */
export function route(deps: Deps): Hono {
  const { log, counters } = deps
  return new Hono().post('/', async (context) => {
    const signal = AbortSignal.timeout(deadlineMs)
    const body = await readBody(context.req.raw, maxBytes, signal).catch(tooLarge)
    if (body === undefined) return context.text('the notification is too large', 413)
    const parsed = notification.safeParse(jsonOf(body))
    if (!parsed.success) {
      const fault = z.prettifyError(parsed.error)
      counters.malformed()
      log.error({ fault }, 'notification that is no Alertmanager payload of version 4')
      return context.text(fault, 422)
    }
    const { truncatedAlerts, receiver } = parsed.data
    if (truncatedAlerts > 0) {
      counters.truncated(truncatedAlerts)
      log.warn({ receiver, truncatedAlerts }, 'alerts were cut off by max_alerts')
    }
    // Not ended when Alertmanager hangs up: scans and sleeps that the event has set going would be cut off in the middle.
    const lost = await act(decide(parsed.data), deps, signal)
    if (lost > 0) return context.text(`the broker did not take ${lost} alerts`, 503)
    return context.body(null, 204)
  })
}

function tooLarge(error: unknown): undefined {
  if (!(error instanceof EventRefused)) throw error
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}
