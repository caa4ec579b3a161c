import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { plainFault } from './answer.ts'
import type { Dialer } from './dialer.ts'
import type { Forwarded, Means } from './asked.ts'
import { Exchange } from './exchange.ts'
import type { ForwardFault } from './fault.ts'
import { peers, type ForwardedFor, type Peer } from './forwarded.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { Pool } from './pool.ts'
import { Pools } from './pools.ts'
import { requestHead, type HeadRules } from './request-head.ts'
import type { Tap } from './splice.ts'
import { Watchdog } from './watchdog.ts'
import type { Target } from './wire.ts'
import { upgrade, type Upgraded } from './upgrade.ts'

export interface ForwarderOptions {
  readonly limits?: Partial<Limits>
  /** Networks whose word about X-Forwarded-* counts, in CIDR notation. */
  readonly trustedProxies: readonly string[]
  readonly forwardedFor?: ForwardedFor
  /** Answers a client that has not been answered yet; default: the fault as text. */
  readonly answerFault?: (response: ServerResponse, fault: ForwardFault) => void
}

/** Brings requests to instances. The client's connection is the signal: when it goes, so does the request. */
export interface Forwarder {
  forward(request: IncomingMessage, response: ServerResponse, target: Target): Promise<Forwarded>
  /** `socket` and `early` as Node's `upgrade` event gives them. Settles when the WebSocket is over. */
  upgrade(request: IncomingMessage, socket: Duplex, early: Buffer, target: Target, tap?: Tap): Promise<Upgraded>
  /** Closes idle sockets to an instance; those in use close after their answer. */
  release(target: Target): void
  /** Cuts what is left. */
  close(): Promise<void>
}

export function createForwarder(options: ForwarderOptions): Forwarder {
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const { connectMs, firstByteMs, idleMs, keepMs, freshMs } = limits
  const watchdog = new Watchdog(Math.min(connectMs, firstByteMs, idleMs, keepMs, freshMs))
  const means: Means = { limits, watchdog, answerFault: options.answerFault ?? plainFault }
  const rulesFor = headRules(options.trustedProxies, options.forwardedFor ?? 'extend')
  const pools = new Pools((target, onEmpty) => new Pool(target, limits, watchdog, onEmpty))
  const dialers = new Set<Dialer>()

  return {
    forward(request, response, target) {
      if (request.socket.destroyed) return Promise.resolve({ outcome: 'client gone' })
      const head = requestHead(request, rulesFor(request.socket))
      if ('refuse' in head) {
        response.shouldKeepAlive = false
        response.writeHead(head.refuse, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${head.why}\n`)
        return Promise.resolve({ outcome: 'answered', status: head.refuse })
      }
      return new Promise((settle) => {
        new Exchange({ request, response, head }, pools.of(target), means, settle).start()
      })
    },
    upgrade(request, socket, early, target, tap = {}) {
      if (!(socket instanceof Socket)) throw new TypeError('the socket of a request to upgrade is a net.Socket')
      if (socket.destroyed) return Promise.resolve({ outcome: 'client gone' })
      return upgrade({ request, socket, early, target, tap }, rulesFor(socket), means, dialers)
    },
    release: (target) => pools.known(target)?.release(),
    async close() {
      for (const pool of pools.all()) pool.close()
      for (const dialer of dialers) dialer.close()
    },
  }
}

/** What a socket's other end may say is decided once per connection. */
function headRules(trustedProxies: readonly string[], forwardedFor: ForwardedFor): (socket: Socket) => HeadRules {
  const peerAt: (address: string | undefined) => Peer = peers(trustedProxies)
  const known = new WeakMap<Socket, HeadRules>()
  return (socket) => {
    let rules = known.get(socket)
    if (rules === undefined) {
      rules = { peer: peerAt(socket.remoteAddress), encrypted: 'encrypted' in socket, forwardedFor }
      known.set(socket, rules)
    }
    return rules
  }
}

export type { Forwarded, Limits, Tap, Target, Upgraded }
export type { Splice } from './splice.ts'
