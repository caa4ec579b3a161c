// One place that speaks HTTP with the API server: deadlines, repeats, what counts as an error.
import { setTimeout as sleep } from 'node:timers/promises'

import { type Dispatcher, errors } from 'undici'

import type { Connection, Connections } from './connections.ts'
import { type FailedCall, KubernetesError } from './errors.ts'
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

  function faultOf(error: unknown, { signal, call }: Outgoing, deadline?: AbortSignal): unknown {
    if (error instanceof KubernetesError) return error
    if (signal.aborted) return signal.reason
    if (closed.aborted) return noAnswer(call, 'Unreachable', new Error('the connection was closed'))
    if (deadline?.aborted) return noAnswer(call, 'TimedOut', new Error(`no answer within ${limits.callMs} ms`))
    return noAnswer(call, isTimeout(error) ? 'TimedOut' : 'Unreachable', error)
  }

  return {
    closed,
    faultOf,
    send: async <T>(outgoing: Outgoing): Promise<T> => {
      const deadline = AbortSignal.timeout(limits.callMs)
      const signal = AbortSignal.any([outgoing.signal, closed, deadline])
      try {
        const text = await repeated({ ...outgoing, signal }, 'calls', connections, ({ body }) =>
          read(body, outgoing.leaveOut),
        )
        return parse(text, outgoing.call) as T
      } catch (error) {
        throw faultOf(error, outgoing, deadline)
      }
    },
    stream: async (outgoing) => {
      const signal = AbortSignal.any([outgoing.signal, closed])
      try {
        return await repeated({ ...outgoing, signal }, 'watches', connections, async (answer) => answer.body)
      } catch (error) {
        throw faultOf(error, outgoing)
      }
    },
    close: async () => {
      closing.abort()
      await connections.close()
    },
  }
}

async function read(body: Dispatcher.ResponseData['body'], names: Outgoing['leaveOut']): Promise<string> {
  return names === undefined ? body.text() : leaveOut(Buffer.from(await body.arrayBuffer()), names)
}

/** One call, asked again where that can do no harm: 401 with fresh credentials, 429, a reading whose socket broke. */
async function repeated<R>(
  outgoing: Outgoing,
  pool: 'calls' | 'watches',
  connections: Connections,
  read: (answer: Dispatcher.ResponseData) => Promise<R>,
): Promise<R> {
  const { call, method, secrets = [], signal } = outgoing
  let renewed = false
  for (let repeats = 0; ; repeats++) {
    const connection = await connections.current()
    try {
      const answer = await exchange(connection, pool, outgoing)
      if (answer.statusCode < 300) return await read(answer)
      const error = refused(call, answer.statusCode, await answer.body.text(), secrets)
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

async function exchange(
  { identity, ...pools }: Connection,
  pool: 'calls' | 'watches',
  { method, path, query, body, contentType = 'application/json', signal }: Outgoing,
): Promise<Dispatcher.ResponseData> {
  const server = new URL(identity.server)
  const prefix = server.pathname.replace(/\/$/, '')
  return await pools[pool].request({
    origin: server.origin,
    path: `${prefix}${path}${queryString(query)}`,
    method,
    headers: {
      ...identity.headers,
      accept: 'application/json',
      'user-agent': 'platxa-functions',
      ...(body === undefined ? {} : { 'content-type': contentType }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal,
  })
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

function retryAfterMs({ headers }: Dispatcher.ResponseData): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN)
  return Number.isFinite(seconds) ? Math.max(seconds * 1000, SHORTEST_RETRY_AFTER_MS) : undefined
}

function isBrokenSocket(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return error instanceof errors.SocketError || code === 'ECONNRESET' || code === 'EPIPE'
}

function isTimeout(error: unknown): boolean {
  return (
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError
  )
}
