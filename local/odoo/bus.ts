// Odoo's bus: WebSockets that a tab keeps open for as long as it is open.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'

import type { Notify } from './models.ts'

const PING_MS = 60_000
const GOING_AWAY = 1001

const Frame = z.object({ event_name: z.string(), data: z.unknown().optional() })

export interface Bus {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void
  notify: Notify
  /** The threaded server says 1001 to each tab and waits for their answers. */
  goAway(patienceMs: number): Promise<void>
  /** The prefork server's WebSocket process is just killed: no close frame, only the end of the stream. */
  cut(): void
}

export function createBus(): Bus {
  const server = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 })
  const subscribed = new WeakSet<WebSocket>()
  let lastId = 0

  return {
    accept: (request, socket, head) =>
      server.handleUpgrade(request, socket, head, (tab) => attend(tab, () => subscribed.add(tab))),
    notify(type, payload) {
      lastId += 1
      const frame = JSON.stringify([{ id: lastId, message: { type, payload } }])
      for (const tab of server.clients) if (subscribed.has(tab)) tab.send(frame)
    },
    async goAway(patienceMs) {
      const closed = [...server.clients].map((tab) => new Promise((done) => tab.once('close', done)))
      for (const tab of server.clients) tab.close(GOING_AWAY)
      const waiting = new AbortController()
      const waited = sleep(patienceMs, undefined, { signal: waiting.signal }).catch(() => {})
      await Promise.race([Promise.all(closed), waited])
      waiting.abort()
      this.cut()
    },
    cut() {
      for (const tab of server.clients) tab.terminate()
    },
  }
}

/** Pings each minute and takes `subscribe`; presence and the one-byte sign of life are heard and need no answer. */
function attend(tab: WebSocket, subscribe: () => void): void {
  const pings = setInterval(() => tab.ping(), PING_MS)
  tab.on('close', () => clearInterval(pings))
  tab.on('error', () => tab.terminate())
  tab.on('message', (data, isBinary) => {
    if (isBinary) return
    const frame = parse(data)
    if (frame?.event_name === 'subscribe') subscribe()
  })
}

function parse(data: RawData): z.output<typeof Frame> | undefined {
  try {
    return Frame.parse(JSON.parse(Buffer.isBuffer(data) ? data.toString() : ''))
  } catch {
    return undefined
  }
}
