// One request to the API server and the head of its answer, over the sockets of one pool.
import { type Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http'
import { type Agent as HttpsAgent, request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'

export type Pool = HttpAgent | HttpsAgent

export interface Asked {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly signal: AbortSignal
}

/** In milliseconds; 0 is no limit. */
export interface Waits {
  /** To open a connection, TLS included. A request that waits for a free connection does not wait for this. */
  readonly connectMs: number
  /** From an open connection to the head of the answer. */
  readonly headMs: number
  /** Without a byte of the body. */
  readonly silenceMs: number
}

/** The kernel notices that the other machine is gone this long after its last sign, plus ten probes a second apart. */
export const TCP_KEEP_ALIVE_MS = 10_000

/** Those that had requests before; Node tells only of those that rested in between. */
const open = new WeakSet<Socket>()

/** One of the waits was too long. */
export class Overdue extends Error {
  override readonly name = 'Overdue'
}

/** Rejects with `Overdue`, with what the socket says, or with the reason of the signal. */
export function exchange(pool: Pool, asked: Asked, waits: Waits): Promise<IncomingMessage> {
  const { url, method, headers, body, signal } = asked
  // Node gives a DELETE no length of its own
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const send = url.protocol === 'https:' ? secureRequest : plainRequest
  return new Promise((resolve, reject) => {
    // without a time of its own a request would be ended by the one of idle connections
    const request = send(url, { method, headers: { ...headers, ...length }, agent: pool, signal, timeout: 0 })
    request.setSocketKeepAlive(true, TCP_KEEP_ALIVE_MS)
    limit(request, url.protocol === 'https:' ? 'secureConnect' : 'connect', waits)
    request.once('response', (response) => {
      response.on('error', () => undefined) // where nobody listens, Node forgets why it broke
      const silent = () => response.destroy(new Overdue(`nothing for ${waits.silenceMs} ms`))
      if (waits.silenceMs > 0) request.setTimeout(waits.silenceMs, silent)
      resolve(response)
    })
    // stays for as long as the request lives: what breaks the answer is an error of the request as well
    request.on('error', reject)
    request.end(body)
  })
}

/** A connection may take its time, and then the head of the answer. */
function limit(request: ClientRequest, connected: 'connect' | 'secureConnect', { connectMs, headMs }: Waits): void {
  let timer: NodeJS.Timeout | undefined
  const within = (ms: number, what: string) => {
    clearTimeout(timer)
    if (ms > 0) timer = setTimeout(() => request.destroy(new Overdue(`${what} within ${ms} ms`)), ms)
  }
  request.once('socket', (socket) => {
    if (open.has(socket)) return within(headMs, 'no answer')
    within(connectMs, 'no connection')
    socket.once(connected, () => {
      open.add(socket)
      within(headMs, 'no answer')
    })
  })
  for (const end of ['response', 'error']) request.once(end, () => clearTimeout(timer))
}
