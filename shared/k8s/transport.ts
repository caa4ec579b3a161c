// One place that speaks HTTP with the API server: deadlines, repeats, what counts as an error.
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Connection, Connections } from './connections.ts'
import { type FailedCall, KubernetesError } from './errors.ts'
import { type Asked, exchange, Overdue, type Waits } from './exchange.ts'
import { leaveOut } from './leave-out.ts'
import type { Limits } from './limits.ts'
import { noAnswer, refused } from './status.ts'

const MOST_REPEATS = 3
const SHORTEST_RETRY_AFTER_MS = 250

export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  readonly body?: unknown
  readonly contentType?: string | undefined
  /** Fields of the answer that are cut out before it is parsed. */
  readonly leaveOut?: readonly string[] | undefined
  readonly call: FailedCall
  /** Strings of the body that no message may repeat. */
  readonly secrets?: Iterable<string> | undefined
  readonly signal: AbortSignal
}

export interface Transport {
  /** The body of a successful answer, parsed. */
  send<T>(outgoing: Outgoing): Promise<T>
  /** The body of a successful answer as it comes; an error after `watchSilenceMs` without a byte. */
  stream(outgoing: Outgoing): Promise<AsyncIterable<Uint8Array>>
  /** The error to throw for whatever went wrong while reading such a body. */
  faultOf(error: unknown, outgoing: Outgoing): unknown
  /** Aborted by `close`. */
  readonly closed: AbortSignal
  close(): Promise<void>
}

export function createTransport(connections: Connections, limits: Limits): Transport {
  const closing = new AbortController()
  const closed = closing.signal

  const waitsOf: Readonly<Record<'calls' | 'watches', Waits>> = {
    calls: { connectMs: limits.connectMs, headMs: 0, silenceMs: 0 },
    watches: { connectMs: limits.connectMs, headMs: limits.watchOpenMs, silenceMs: limits.watchSilenceMs },
  }
  const over = (pool: 'calls' | 'watches'): Over => ({ connections, pool, waits: waitsOf[pool] })

  function faultOf(error: unknown, { signal, call }: Outgoing, deadline?: AbortSignal): unknown {
    if (error instanceof KubernetesError) return error
    if (signal.aborted) return signal.reason
    if (closed.aborted) return noAnswer(call, 'Unreachable', new Error('the connection was closed'))
    if (deadline?.aborted) return noAnswer(call, 'TimedOut', new Error(`no answer within ${limits.callMs} ms`))
    return noAnswer(call, error instanceof Overdue ? 'TimedOut' : 'Unreachable', error)
  }

  return {
    closed,
    faultOf,
    send: async <T>(outgoing: Outgoing): Promise<T> => {
      const deadline = AbortSignal.timeout(limits.callMs)
      const signal = AbortSignal.any([outgoing.signal, closed, deadline])
      try {
        const text = await repeated({ ...outgoing, signal }, over('calls'), (answer) => read(answer, outgoing.leaveOut))
        return parse(text, outgoing.call) as T
      } catch (error) {
        throw faultOf(error, outgoing, deadline)
      }
    },
    stream: async (outgoing) => {
      const signal = AbortSignal.any([outgoing.signal, closed])
      try {
        return await repeated({ ...outgoing, signal }, over('watches'), async (answer) => answer)
      } catch (error) {
        throw faultOf(error, outgoing)
      }
    },
    close: async () => {
      closing.abort()
      connections.close()
    },
  }
}

/** Where a request goes, and how long that may take. */
interface Over {
  readonly connections: Connections
  readonly pool: 'calls' | 'watches'
  readonly waits: Waits
}

async function read(answer: IncomingMessage, names: readonly string[] = []): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  return names.length === 0 ? body.toString('utf8') : leaveOut(body, names)
}

/** One call, asked again where that can do no harm: 401 with fresh credentials, 429, a reading whose socket broke. */
async function repeated<R>(
  outgoing: Outgoing,
  { connections, pool, waits }: Over,
  use: (answer: IncomingMessage) => Promise<R>,
): Promise<R> {
  const { call, method, secrets = [], signal } = outgoing
  let renewed = false
  for (let repeats = 0; ; repeats++) {
    const connection = await connections.current()
    try {
      const answer = await exchange(connection[pool], askedOf(outgoing, connection), waits)
      const { statusCode = 0 } = answer
      if (statusCode < 300) return await use(answer)
      const error = refused(call, statusCode, await read(answer), secrets)
      if (error.status === 401 && !renewed) {
        renewed = true
        await connections.renew(connection)
      } else {
        const waitMs = retryAfterMs(answer)
        if (error.status !== 429 || waitMs === undefined || repeats >= MOST_REPEATS) throw error
        await sleep(waitMs, undefined, { signal }).catch(() => {
          throw error // a full server says more than a deadline
        })
      }
    } catch (error) {
      const again = method === 'GET' && repeats === 0 && isBrokenSocket(error) && !signal.aborted
      if (!again) throw error
    }
  }
}

function askedOf(
  { method, path, query, body, contentType = 'application/json', signal }: Outgoing,
  { identity }: Connection,
): Asked {
  const server = new URL(identity.server)
  const prefix = server.pathname.replace(/\/$/, '')
  return {
    url: new URL(`${prefix}${path}${queryString(query)}`, server.origin),
    method,
    headers: {
      ...identity.headers,
      accept: 'application/json',
      'user-agent': 'platxa-functions',
      ...(body === undefined ? {} : { 'content-type': contentType }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  }
}

function queryString(query: Outgoing['query'] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

function parse(text: string, call: FailedCall): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw noAnswer(call, 'Unreadable', error)
  }
}

function retryAfterMs({ headers }: IncomingMessage): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN)
  return Number.isFinite(seconds) ? Math.max(seconds * 1000, SHORTEST_RETRY_AFTER_MS) : undefined
}

function isBrokenSocket(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ECONNRESET' || code === 'EPIPE'
}
