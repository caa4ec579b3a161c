import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Dialer } from './dialer.ts'
import type { Forwarded, Means, OnSwitch } from './asked.ts'
import { Exchange } from './exchange.ts'
import { requestHead, type HeadRules, type RequestHead } from './request-head.ts'
import { fieldsOf, type ResponseHead } from './response-head.ts'
import { asksForWebSocket } from './server-options.ts'
import { Splice, type SpliceEnd, type Tap } from './splice.ts'
import type { Target } from './wire.ts'

/** As `Forwarded`; or both sides agreed, and it lasted until `end`. */
export type Upgraded = Forwarded | { readonly outcome: 'upgraded'; readonly end: SpliceEnd }

export interface Upgrading {
  readonly request: IncomingMessage
  /** As Node's `upgrade` event gives it. */
  readonly socket: Socket
  /** What came after the request's head already. */
  readonly early: Buffer
  readonly target: Target
  readonly tap: Tap
}

/** What a client may send before the instance has agreed. */
const EARLY_BYTES = 64 * 1024

/** A WebSocket on its way to an instance: the handshake is a request on a socket of its own, everything after it is bytes. */
export function upgrade(upgrading: Upgrading, rules: HeadRules, means: Means, dialers: Set<Dialer>): Promise<Upgraded> {
  const { request, socket, target, tap } = upgrading
  const response = responseOn(request, socket)
  const head = checked(request, requestHead(request, { ...rules, upgrade: true }))
  if ('refuse' in head) {
    response.writeHead(head.refuse, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${head.why}\n`)
    return Promise.resolve({ outcome: 'answered', status: head.refuse })
  }
  const dialer = new Dialer(target, means.watchdog, means.limits.connectMs)
  dialers.add(dialer)
  const early = collect(socket, upgrading.early)
  return new Promise((resolve) => {
    const settle = (how: Upgraded): void => {
      dialers.delete(dialer)
      resolve(how)
    }
    const onSwitch: OnSwitch = (wire, answer, rest) => {
      response.detachSocket(socket)
      socket.write(switching(answer), 'latin1')
      const idleTicks = means.watchdog.ticks(means.limits.idleMs)
      const splice = new Splice(socket, wire, tap, idleTicks, (end) => settle({ outcome: 'upgraded', end }))
      const before = early()
      if (before.length > 0) splice.onClientBytes(before)
      if (rest.length > 0) splice.onBytes(rest, rest.length)
    }
    new Exchange({ request, response, head, onSwitch }, dialer, means, settle).start()
  })
}

function checked(request: IncomingMessage, head: RequestHead): RequestHead {
  if ('refuse' in head) return head
  if (!asksForWebSocket(request)) return { refuse: 400, why: 'only GET can be upgraded, and only to websocket' }
  if (request.httpVersionMinor === 0) return { refuse: 400, why: 'HTTP/1.0 cannot be upgraded' }
  return head.body === 'none' ? head : { refuse: 400, why: 'a request to upgrade has no body' }
}

/** For an answer that is not 101: Node has let go of the socket, and it serves no further request. */
function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  socket.setTimeout(0)
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.destroySoon())
  return response
}

/** Keeps reading, because only who reads learns that the client has gone. Returns a function that stops and gives what has come. */
function collect(socket: Socket, first: Buffer): () => Buffer {
  const pieces = [first]
  let length = first.length
  const onData = (bytes: Buffer): void => {
    pieces.push(bytes)
    length += bytes.length
    if (length > EARLY_BYTES) socket.pause()
  }
  const onEnd = (): void => {
    socket.destroy()
  }
  socket.on('error', onEnd).on('data', onData).once('end', onEnd)
  return () => {
    socket.off('data', onData).off('end', onEnd).resume()
    return Buffer.concat(pieces)
  }
}

function switching(head: ResponseHead): string {
  let lines = `HTTP/1.1 101 ${head.reason}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
  const fields = fieldsOf(head)
  for (let i = 1; i < fields.length; i += 2) lines += `${fields[i - 1] ?? ''}: ${fields[i] ?? ''}\r\n`
  return `${lines}\r\n`
}
