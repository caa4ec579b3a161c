// WebSockets of sleeping instances, kept open by us: an open tab notices nothing (odoo-lab.md, "Parked websocket"). We
// answer pings, swallow what the tab says, and send it to the instance when that is awake.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { usageOf, type Entry } from './entry.ts'
import { inactivityOf } from './presence.ts'
import { moved } from './usage.ts'

export interface ParkLimits {
  readonly perInstance: number
  readonly total: number
  /** How often a silent client is asked whether it is still there. */
  readonly pingMs: number
}

export const parkDefaults: ParkLimits = { perInstance: 500, total: 10_000, pingMs: 45_000 }

export interface Park {
  readonly parked: number
  /** False when there is no place: the caller refuses the upgrade. */
  readonly accept: (entry: Entry, request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
  /** A tab whose instance falls asleep: from here on we are its other end. `begun` is what it has said of a frame. */
  adopt(entry: Entry, request: IncomingMessage, socket: Duplex, begun: Buffer): boolean
  /** The instance is awake: its tabs are told to come again. */
  handBack(entry: Entry): void
  close(): void
}

export interface ParkDeps {
  readonly limits: ParkLimits
  readonly now: () => number
  /** A tab says that its human is back: the wake can begin before the first click. */
  readonly onHuman: (entry: Entry) => void
}

/**
 * Odoo's client reconnects at once after 4002 and takes it for routine; after 1000 it would stay deaf until the page is
 * reloaded (odoo-lab.md).
 */
const comeAgain = 4002
/** A replica that leaves: the tab finds another one. */
const serviceRestart = 1012
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

export function createPark({ limits, now, onHuman }: ParkDeps): Park {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: longestFrame,
  })
  const byEntry = new Map<Entry, Set<Parked>>()
  let count = 0
  const timer = setInterval(ping, limits.pingMs).unref()

  function ping(): void {
    for (const parked of byEntry.values()) {
      for (const one of parked) {
        if (!one.alive) one.socket.terminate()
        else one.socket.ping()
        one.alive = false
      }
    }
  }

  function add(entry: Entry, socket: WebSocket): void {
    const one: Parked = { socket, entry, alive: true }
    const parked = byEntry.get(entry) ?? new Set()
    byEntry.set(entry, parked.add(one))
    socket.on('pong', () => (one.alive = true))
    socket.on('error', () => socket.terminate())
    socket.on('message', (data, isBinary) => {
      one.alive = true
      if (!isBinary && Buffer.isBuffer(data)) listen(entry, data.toString('utf8'))
    })
    socket.on('close', () => {
      count -= 1
      usageOf(entry).parked -= 1
      parked.delete(one)
      if (parked.size === 0) byEntry.delete(entry)
    })
    // It woke up meanwhile.
    if (entry.room.life.is === 'awake' && entry.room.fence === null) leave(one, comeAgain)
  }

  function listen(entry: Entry, frame: string): void {
    const inactivityMs = inactivityOf(frame)
    if (inactivityMs === undefined) return
    moved(entry, inactivityMs, now())
    if (inactivityMs < presentMs) onHuman(entry)
  }

  function leave({ socket }: Parked, code: number): void {
    socket.close(code)
    setTimeout(() => socket.terminate(), closeWithinMs).unref()
  }

  function hasPlace(entry: Entry): boolean {
    return count < limits.total && (byEntry.get(entry)?.size ?? 0) < limits.perInstance
  }

  function accept(entry: Entry, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (!hasPlace(entry)) return false
    const gone = (): void => {
      count -= 1
      usageOf(entry).parked -= 1
    }
    count += 1
    usageOf(entry).parked += 1
    // A handshake that is no WebSocket after all is answered 400 by `ws` and gets no further.
    socket.once('close', gone)
    server.handleUpgrade(request, socket, head, (accepted) => {
      socket.off('close', gone)
      add(entry, accepted)
    })
    return true
  }

  return {
    get parked() {
      return count
    },
    accept,
    adopt(entry, request, socket, begun) {
      if (!hasPlace(entry)) return false
      // The tab and the instance have shaken hands long ago, so the one line that `ws` would say is left out.
      socket.write = () => true
      try {
        return accept(entry, request, socket, begun)
      } finally {
        Reflect.deleteProperty(socket, 'write')
      }
    },
    handBack(entry) {
      for (const one of byEntry.get(entry) ?? []) leave(one, comeAgain)
    },
    close() {
      clearInterval(timer)
      for (const parked of byEntry.values()) for (const one of parked) leave(one, serviceRestart)
      server.close()
    },
  }
}
