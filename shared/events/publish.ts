import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { isAttributeName, type Envelope } from '#shared/events/attributes.ts'
import { encodeEvent, type HttpMessage } from '#shared/events/emit.ts'
import { ask, type Answered } from '#shared/server/ask.ts'
import type { Log } from '#shared/server/log.ts'
import { currentTraceparent } from '#shared/server/telemetry.ts'

export interface Publisher {
  /** Resolves when the sink answered 2xx; a synchronous broker does so after the last subscriber's last retry. */
  publish(event: Envelope, options: { readonly signal: AbortSignal }): Promise<void>
}

export interface PublisherOptions {
  /** `K_SINK`: the ingress of the broker. */
  readonly sink: string
  /** `K_CE_OVERRIDES`: JSON with `extensions` that are added to every event. */
  readonly overrides?: string | undefined
  readonly log: Log
  /** How often in all; 6 when left out. */
  readonly attempts?: number | undefined
  /** Pause before the second attempt, doubled before each further one; 200 ms when left out. */
  readonly pauseMs?: number | undefined
  /** For one attempt. 4 min when left out: the default broker answers after its own retries, about 205 s (knative.md §2.4). */
  readonly attemptWithinMs?: number | undefined
}

/** The event was not taken, or nobody knows: at-least-once is the caller's to keep. */
export class PublishError extends Error {
  override readonly name = 'PublishError'
  readonly sink: string
  /** Undefined when no answer came. */
  readonly status: number | undefined
  readonly eventId: string
  readonly eventType: string

  constructor(sink: string, event: Envelope, { status, fault, cause }: Failure) {
    super(`${event.type} ${event.id} could not be published to ${sink}: ${fault}`, { cause })
    this.sink = sink
    this.status = status
    this.eventId = event.id
    this.eventType = event.type
  }
}

interface Failure {
  readonly status: number | undefined
  readonly fault: string
  readonly cause?: unknown
  readonly again: boolean
  readonly retryAfterMs?: number | undefined
}

const longestPauseMs = 10_000
const longestRetryAfterMs = 30_000

export function createPublisher(options: PublisherOptions): Publisher {
  const { sink, log, attempts = 6, pauseMs = 200, attemptWithinMs = 240_000 } = options
  const added = parseOverrides(options.overrides)
  return {
    async publish(event, { signal }) {
      const message = encodeEvent({ ...event, extensions: { ...event.extensions, ...added } })
      for (let attempt = 1; ; attempt++) {
        const failure = await post(sink, message, signal, attemptWithinMs)
        if (!failure) return
        if (!failure.again || attempt >= attempts) throw new PublishError(sink, event, failure)
        const waitMs = Math.max(pauseBefore(attempt, pauseMs), failure.retryAfterMs ?? 0)
        log.warn({ event: event.id, type: event.type, sink, attempt, why: failure.fault, waitMs }, 'publishing again')
        await sleep(waitMs, undefined, { signal }).catch((cause: unknown) => {
          throw new PublishError(sink, event, { ...failure, fault: `given up after ${failure.fault}`, cause })
        })
      }
    },
  }
}

/** Undefined means taken. Redirects are not followed: they would turn the POST into a GET that succeeds. */
async function post(
  sink: string,
  { headers, body }: HttpMessage,
  signal: AbortSignal,
  withinMs: number,
): Promise<Failure | undefined> {
  const traceparent = currentTraceparent()
  try {
    const answer = await ask(sink, {
      method: 'POST',
      headers: { ...headers, ...(traceparent && { traceparent }) },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
    })
    return answer.status >= 200 && answer.status < 300 ? undefined : refusal(answer)
  } catch (cause) {
    if (signal.aborted) return { status: undefined, fault: 'the caller gave up', cause, again: false }
    return { status: undefined, fault: networkFault(cause), cause, again: true }
  }
}

/** knative.md §2.3: a broker that is still starting answers 404, one that is full 429, one that lost its channel 5xx. */
function refusal({ status, headers, text }: Answered): Failure {
  const detail = text.trim().slice(0, 200)
  return {
    status,
    fault: `status ${status}${detail && `: ${detail}`}`,
    again: status === 404 || status === 429 || status >= 500,
    retryAfterMs: retryAfterMs(headers['retry-after']),
  }
}

function networkFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code} ` : ''
  return `${code}${error.message}`.trim()
}

function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryAfterMs)
}

/** Half of it is chance, so that publishers that failed together do not come back together. */
function pauseBefore(attempt: number, firstMs: number): number {
  const ms = Math.min(firstMs * 2 ** (attempt - 1), longestPauseMs)
  return ms * (0.5 + Math.random() / 2)
}

const overridesShape = z.object({
  extensions: z
    .record(z.string().refine(isAttributeName, 'is not a name an extension may have'), z.string())
    .optional(),
})

function parseOverrides(json: string | undefined): Readonly<Record<string, string>> {
  if (!json) return {}
  try {
    return overridesShape.parse(JSON.parse(json)).extensions ?? {}
  } catch (cause) {
    throw new Error('K_CE_OVERRIDES must be JSON such as {"extensions":{"name":"value"}}', { cause })
  }
}
