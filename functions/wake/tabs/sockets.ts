// WebSocket upgrades: to the instance when it is awake, parked when it is not.
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { pathOf } from '../classes/classify.ts'
import { decideSocket } from '../decide.ts'
import { usageOf, type Entry } from '../instance/entry.ts'
import { portFor, type Front } from '../front.ts'
import type { SocketOutcome } from '../metrics.ts'
import { isLeaving } from '../instance/state.ts'
import { tabTap } from './tab.ts'
import { moved } from '../instance/usage.ts'

export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Socket
  /** What came after the head already. */
  readonly early: Buffer
  readonly target: string
}

export async function attendSocket(entry: Entry, upgrade: Upgrade, front: Front): Promise<void> {
  front.metrics.socket(await serveSocket(entry, upgrade, front))
}

async function serveSocket(entry: Entry, upgrade: Upgrade, front: Front): Promise<SocketOutcome> {
  const { request, socket, early, target } = upgrade
  switch (decideSocket(entry.room, pathOf(target), front.now())) {
    case 'forward':
      return forward(entry, upgrade, front)
    case 'park':
      if (front.park.accept(entry, request, socket, early)) return 'parked'
      return refuseSocket(socket, 503, 60)
    case 'not now':
      return refuseSocket(socket, 503, 30)
    case 'suspended':
      return refuseSocket(socket, 402)
    case 'disabled':
      return refuseSocket(socket, 404)
  }
}

async function forward(
  entry: Entry,
  { request, socket, early, target }: Upgrade,
  front: Front,
): Promise<SocketOutcome> {
  const { life } = entry.room
  if (life.is !== 'awake') return refuseSocket(socket, 503, 5)
  const usage = usageOf(entry)
  usage.sockets += 1
  let forget: (() => void) | undefined
  try {
    const port = portFor(entry, target, front.settings)
    const tap = tabTap({
      onPresence: (inactivityMs) => moved(entry, inactivityMs, front.now()),
      isLeaving: () => isLeaving(entry),
      adopt: (client, begun) => front.park.adopt(entry, request, client, begun),
    })
    forget = front.tabs.add(entry, tap.comeAgain)
    const how = await front.forwarder.upgrade(request, socket, early, { host: life.ip, port }, tap)
    // Its tab tries again within two seconds, and by then we know whether the instance is still there.
    if (how.outcome === 'unsent') return refuseSocket(socket, 503, 5)
    return how.outcome === 'broken' ? 'broken' : 'forwarded'
  } finally {
    usage.sockets -= 1
    forget?.()
  }
}

export function refuseSocket(socket: Socket, status: number, retryAfter?: number): 'refused' {
  if (socket.destroyed || socket.writableEnded) return 'refused'
  const again = retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${again}Content-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n`,
  )
  setTimeout(() => socket.destroy(), 2_000).unref()
  return 'refused'
}
