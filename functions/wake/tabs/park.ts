// WebSockets of sleeping instances, kept open by us: an open tab notices nothing (odoo-lab.md, "Parked websocket"). We
// answer pings, swallow what the tab says, and send it to the instance when that is awake.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Entry } from '../instance/entry.ts'
import { closeCodes } from './frames.ts'
import type { Places } from './places.ts'
import { inactivityOf } from './presence.ts'

export const pingMs = 45_000

export interface Park {
  /** False when there is no place: the caller refuses the upgrade. */
  readonly accept: (entry: Entry, request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
  /** A tab whose instance falls asleep: from here on we are its other end. `begun` is what it has said of a frame. */
  adopt(entry: Entry, request: IncomingMessage, socket: Duplex, begun: Buffer): boolean
  /** The instance is awake: its tabs are told to come again. */
  handBack(entry: Entry): void
  close(): void
}

export interface ParkDeps {
  readonly places: Places
  /** How often a silent client is asked whether it is still there. */
  readonly pingMs: number
  readonly clientOf: (request: IncomingMessage) => string | undefined
  readonly onPresence: (entry: Entry, inactivityMs: number) => void
  /** A tab says that its human is back: the wake can begin before the first click. */
  readonly onHuman: (entry: Entry, client: string | undefined) => void
}

/** Frames of a tab are a few hundred bytes; a subscription to many channels a few thousand. */
const longestFrame = 64 * 1024
const closeWithinMs = 5_000
/** Younger than this, a movement means somebody is there now and not just that the tab told how long it has been. */
export const presentMs = 10_000

interface Parked {
  readonly socket: WebSocket
  readonly entry: Entry
  alive: boolean
}

export function createPark({ places, pingMs, clientOf, onPresence, onHuman }: ParkDeps): Park {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: longestFrame,
  })
  const byEntry = new Map<Entry, Set<Parked>>()
  const timer = setInterval(ping, pingMs).unref()

  function ping(): void {
    for (const parked of byEntry.values()) {
      for (const one of parked) {
        if (!one.alive) one.socket.terminate()
        else one.socket.ping()
        one.alive = false
      }
    }
  }

  function add(entry: Entry, socket: WebSocket, client: string | undefined): void {
    const one: Parked = { socket, entry, alive: true }
    const parked = byEntry.get(entry) ?? new Set()
    byEntry.set(entry, parked.add(one))
    socket.on('pong', () => (one.alive = true))
    socket.on('error', () => socket.terminate())
    socket.on('message', (data, isBinary) => {
      one.alive = true
      if (!isBinary && Buffer.isBuffer(data)) listen(entry, client, data.toString('utf8'))
    })
    socket.on('close', () => {
      parked.delete(one)
      if (parked.size === 0) byEntry.delete(entry)
    })
    // It woke up meanwhile.
    if (entry.room.life.is === 'awake' && entry.room.fence === null) leave(one, closeCodes.comeAgain)
  }

  function listen(entry: Entry, client: string | undefined, frame: string): void {
    const inactivityMs = inactivityOf(frame)
    if (inactivityMs === undefined) return
    onPresence(entry, inactivityMs)
    if (inactivityMs < presentMs) onHuman(entry, client)
  }

  function leave({ socket }: Parked, code: number): void {
    socket.close(code)
    setTimeout(() => socket.terminate(), closeWithinMs).unref()
  }

  function accept(entry: Entry, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const client = clientOf(request)
    const giveBack = places.take(entry, client)
    if (giveBack === undefined) return false
    // A handshake that is no WebSocket after all is answered 400 by `ws` and gets no further.
    socket.once('close', giveBack)
    server.handleUpgrade(request, socket, head, (accepted) => add(entry, accepted, client))
    return true
  }

  return {
    accept,
    adopt(entry, request, socket, begun) {
      // The tab and the instance have shaken hands long ago, so the one line that `ws` would say is left out.
      socket.write = () => true
      try {
        return accept(entry, request, socket, begun)
      } finally {
        Reflect.deleteProperty(socket, 'write')
      }
    },
    handBack(entry) {
      for (const one of byEntry.get(entry) ?? []) leave(one, closeCodes.comeAgain)
    },
    close() {
      clearInterval(timer)
      for (const parked of byEntry.values()) for (const one of parked) leave(one, closeCodes.serviceRestart)
      server.close()
    },
  }
}
