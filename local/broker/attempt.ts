// One POST of one event to one address, and what the broker's filter makes of the answer.
import { Agent, request } from 'undici'
import { binaryHeaders, type BrokerEvent, InvalidEvent, isCloudEvent, readEvent, structuredBody } from './event.ts'

/** Where an event goes: the name a cluster knows it by, and the address that answers for it now (none: nobody is ready). */
export interface Target {
  readonly name: string
  readonly address: string | undefined
}

export interface Answer {
  /** `undefined`: no answer came, `body` says why. */
  readonly status: number | undefined
  readonly body: Uint8Array
  readonly reply?: BrokerEvent
}

export interface AttemptOptions {
  readonly format: 'binary' | 'json'
  readonly namespace: string
  /** Prefer: reply, on all but dead letters. */
  readonly wantsReply: boolean
  readonly timeoutMs: number | undefined
  readonly signal: AbortSignal
}

const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 2000, connect: { timeout: 5000 } })

/** Never throws, except when `signal` is aborted. */
export async function attempt(event: BrokerEvent, target: Target, options: AttemptOptions): Promise<Answer> {
  if (target.address === undefined) return noAnswer(target, 'connect: connection refused (nobody is ready)')
  const { signal, timeoutMs } = options
  const limit = timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    const structured = options.format === 'json'
    const response = await request(target.address, {
      method: 'POST',
      headers: { ...(structured ? structuredHeaders : binaryHeaders(event)), ...extraHeaders(target, options) },
      body: structured ? structuredBody(event) : Buffer.from(event.body),
      dispatcher: agent,
      signal: limit,
    })
    const body = new Uint8Array(await response.body.arrayBuffer())
    return judge(response.statusCode, toHeaders(response.headers), body)
  } catch (error) {
    signal.throwIfAborted()
    return noAnswer(target, error instanceof Error ? error.message : String(error))
  }
}

/** A success must be empty or a CloudEvent: anything else is a 502, and so is tried again. */
export function judge(status: number, headers: Headers, body: Uint8Array): Answer {
  if (status < 200 || status >= 300) return { status, body }
  if (!isCloudEvent(headers)) return body.length === 0 ? { status, body } : { status: 502, body }
  try {
    return { status, body, reply: readEvent(headers, body) }
  } catch (error) {
    if (error instanceof InvalidEvent) return { status: 502, body }
    throw error
  }
}

const structuredHeaders = { 'content-type': 'application/cloudevents+json' }

function extraHeaders(target: Target, { namespace, wantsReply }: AttemptOptions): Record<string, string> {
  const host = new URL(target.name).host
  return { host, 'kn-namespace': namespace, ...(wantsReply ? { prefer: 'reply' } : {}) }
}

function toHeaders(raw: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw)) if (value !== undefined) headers.set(name, String(value))
  return headers
}

function noAnswer(target: Target, why: string): Answer {
  return { status: undefined, body: Buffer.from(`dispatch error: Post "${target.name}": ${why}`) }
}
