// The Hono app every function mounts: an event in, an answer out, one log line, one span, one count.
import { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { refuse, retry, type Answer } from '#shared/events/answer.ts'
import { catalogue, explain, instanceOf, isEventType, type EventType } from '#shared/events/catalogue.ts'
import { encodeEvent, type EventOf } from '#shared/events/emit.ts'
import { EventRefused, parseEvent, type Envelope, type HeaderBag } from '#shared/events/envelope.ts'
import { isJson, parseMediaType } from '#shared/events/media-type.ts'
import { readBody } from '#shared/events/read-body.ts'
import { eventMetrics } from '#shared/events/received-metrics.ts'
import { headersOf } from '#shared/events/request-headers.ts'
import type { Log } from '#shared/server/log.ts'
import { withSpan } from '#shared/server/telemetry.ts'

export { done, refuse, reply, retry, type Answer } from '#shared/events/answer.ts'
export type { EventOf } from '#shared/events/emit.ts'

export interface Receiving<T extends EventType> {
  readonly types: readonly T[]
  /** The signal ends when the client hangs up or the deadline passes. */
  readonly handle: (event: EventOf<T>, signal: AbortSignal) => Promise<Answer>
  readonly log: Log
  readonly metrics?: Registry | undefined
  /** 64 KiB when left out: what CloudEvents 1.0 asks every intermediary to carry. */
  readonly maxBytes?: number | undefined
  /** 60 s when left out. */
  readonly deadlineMs?: number | undefined
}

/** What became of one request, for the sender, the log and the metrics. */
interface Settled {
  readonly event: Envelope | undefined
  readonly answer: Answer
  readonly response: Response
  /** Set when the handler threw. */
  readonly error?: unknown
}

/** A Hono app that takes CloudEvents at `POST /` and can only answer what the broker understands. */
export function receive<T extends EventType>(receiving: Receiving<T>): Hono {
  const record = recorder(receiving.log, receiving.metrics)
  return new Hono()
    .post('/', async (context) => {
      const started = performance.now()
      const settled = await settle(receiving, context.req.raw, headersOf(context))
      record(settled, performance.now() - started)
      return settled.response
    })
    .options('/', ({ req }) => new Response(null, { headers: { allow: 'POST, OPTIONS', ...webhookHeaders(req.raw) } }))
    .all('/', () => new Response(null, { status: 405, headers: { allow: 'POST, OPTIONS' } }))
}

async function settle<T extends EventType>(
  receiving: Receiving<T>,
  request: Request,
  headers: HeaderBag,
): Promise<Settled> {
  const { types, handle, maxBytes = 65_536, deadlineMs = 60_000 } = receiving
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(deadlineMs)])
  const failed = (event: Envelope | undefined, error: unknown): Settled => {
    const answer = retry(signal.aborted ? abortReason(request, deadlineMs) : describe(error))
    return { event, answer, response: respond(answer), error }
  }
  let envelope: Envelope | undefined
  let event: EventOf<T>
  try {
    envelope = parseEvent(headers, await readBody(request, maxBytes, signal))
    event = understood(types, envelope)
  } catch (error) {
    if (!(error instanceof EventRefused)) return failed(envelope, error)
    const answer = refuse(error.status, error.message)
    return { event: envelope, answer, response: respond(answer) }
  }
  try {
    const parent = event.extensions['traceparent'] ?? request.headers.get('traceparent') ?? undefined
    const answer = await withSpan(event.type, spanAttributes(event), parent, () => handle(event, signal))
    return { event, answer, response: respond(answer) }
  } catch (error) {
    return failed(event, error)
  }
}

/** The event with the type its schema proves, or a refusal that says what is wrong with it. */
function understood<T extends EventType>(types: readonly T[], event: Envelope): EventOf<T> {
  const type = types.find((known) => known === event.type)
  if (!type) throw new EventRefused(422, 'type', notTaken(types, event.type))
  const mediaType = parseMediaType(event.datacontenttype ?? 'application/json')
  if (event.data !== undefined && (event.data instanceof Uint8Array || !mediaType || !isJson(mediaType))) {
    throw new EventRefused(415, 'datacontenttype', 'must be JSON')
  }
  const data = catalogue[type].safeParse(event.data)
  if (!data.success) throw new EventRefused(422, 'data', `does not fit ${type}: ${explain(data.error)}`)
  return { ...event, type, data: data.data } as EventOf<T>
}

function notTaken(types: readonly string[], type: string): string {
  const stem = type.replace(/\.v\d+$/, '')
  const sibling = types.find((known) => known !== type && known.replace(/\.v\d+$/, '') === stem)
  if (sibling) return `${type} has a version that is not understood here, which is ${sibling}`
  return `${type} is not understood here, only ${types.join(', ')}`
}

/** The reason comes first and is short: the broker keeps 1024 base64 characters of it in `knativeerrordata`. */
function respond(answer: Answer): Response {
  switch (answer.do) {
    case 'done':
      return new Response(null, { status: 204 })
    case 'reply': {
      const { headers, body } = encodeEvent(answer.event)
      return new Response(body ?? null, { status: 200, headers })
    }
    case 'refuse':
      return reason(answer.why, answer.status)
    case 'retry': {
      const after = answer.retryAfterSeconds
      return reason(answer.why, 503, after === undefined ? {} : { 'retry-after': String(Math.ceil(after)) })
    }
  }
}

function reason(why: string, status: number, headers: Readonly<Record<string, string>> = {}): Response {
  const body = JSON.stringify({ reason: why.slice(0, 700) })
  return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })
}

/** CloudEvents HTTP webhook 1.0 §4: we take events from whoever the network lets through, at any rate. */
function webhookHeaders(request: Request): Record<string, string> {
  const origin = request.headers.get('webhook-request-origin')
  return origin === null ? {} : { 'webhook-allowed-origin': origin, 'webhook-allowed-rate': '*' }
}

/** One line and one count per event; the keys are always there, so that logs can be searched by them. */
function recorder(log: Log, registry: Registry | undefined): (settled: Settled, milliseconds: number) => void {
  const metrics = registry && eventMetrics(registry)
  return ({ event, answer, error }, milliseconds) => {
    const outcome = error === undefined ? answer.do : 'failed'
    const type = event && isEventType(event.type) ? event.type : 'unknown'
    metrics?.count(type, outcome)
    metrics?.observe(type, outcome, milliseconds)
    const fields = {
      event: event?.id ?? null,
      type: event?.type ?? null,
      instance: (event && instanceOf(event)) ?? null,
      outcome,
      why: answer.why ?? null,
      milliseconds: Math.round(milliseconds),
      ...(error === undefined ? {} : { error }),
    }
    if (outcome === 'failed') log.error(fields, 'event')
    else if (answer.do === 'refuse' || answer.do === 'retry') log.warn(fields, 'event')
    else log.info(fields, 'event')
  }
}

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/cloudevents/ */
function spanAttributes(event: Envelope): Record<string, string> {
  return {
    'cloudevents.event_id': event.id,
    'cloudevents.event_source': event.source,
    'cloudevents.event_type': event.type,
    ...(event.subject && { 'cloudevents.event_subject': event.subject }),
  }
}

function abortReason(request: Request, deadlineMs: number): string {
  return request.signal.aborted ? 'the sender hung up' : `not done after ${deadlineMs} ms`
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
