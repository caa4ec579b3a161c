// An open tab of Odoo 19 as odoo-lab.md shows it, with its minutes shortened: what its bus worker sends, when it connects
// again, and what it would tell its human. Every number here is one of that page.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { ask, click } from '#test/functions/wake/client.ts'

const minuteMs = 60

export class OpenTab {
  /** Upgrades it has asked for. */
  handshakes = 0
  /** Close codes it has heard. */
  readonly closed: number[] = []
  /** "Connection lost. Trying to reconnect..." */
  complaints = 0
  /** What it tells of its human when it comes again; a minute more than before when left out. */
  inactivityMs: number | undefined
  /** What the instance has said to it. */
  readonly heard: string[] = []
  private readonly port: () => number
  private readonly host: string
  private socket: WebSocket | undefined
  private retryMs = minuteMs / 60
  private over = false

  constructor(port: () => number, host: string) {
    this.port = port
    this.host = host
    onTestFinished(() => this.leave())
  }

  get isConnected(): boolean {
    return this.socket?.readyState === WebSocket.OPEN
  }

  async open(inactivityMs = 5_661): Promise<void> {
    const again = this.handshakes > 0
    this.handshakes += 1
    const socket = new WebSocket(`ws://127.0.0.1:${this.port()}/websocket?version=19.0-2`, {
      headers: { host: this.host },
    })
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('message', (data) => this.heard.push(Buffer.isBuffer(data) ? data.toString() : ''))
    socket.once('close', (code) => void this.comeAgain(code, inactivityMs))
    await once(socket, 'open')
    this.retryMs = minuteMs / 60
    this.subscribe()
    this.presence(inactivityMs)
    if (again) await this.askWhatWasMissed()
  }

  /** update_presence: on connect, and when its human comes back after half an hour. */
  presence(inactivityMs: number): void {
    const data = { inactivity_period: inactivityMs, im_status_ids_by_model: {} }
    this.socket?.send(JSON.stringify({ event_name: 'update_presence', data }))
  }

  /** Alone: a byte each minute, and the answers to pings. */
  async minutes(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      await sleep(minuteMs)
      if (this.isConnected) this.socket?.send(Buffer.from([0]))
    }
  }

  leave(): void {
    this.over = true
    this.socket?.terminate()
  }

  private subscribe(): void {
    this.socket?.send(JSON.stringify({ event_name: 'subscribe', data: { channels: [], last: 12 } }))
  }

  private async askWhatWasMissed(): Promise<void> {
    const path = '/bus/has_missed_notifications'
    const body = '{"jsonrpc":"2.0","method":"call","id":7,"params":{"last_notification_id":12}}'
    const got = await ask({ port: this.port(), host: this.host, method: 'POST', path, headers: click, body })
    if (got.status !== 200) this.complaints += 1
  }

  private async comeAgain(code: number, inactivityMs: number): Promise<void> {
    this.closed.push(code)
    // After 1000 it stays deaf until the page is reloaded; after 4002 it comes at once.
    if (this.over || code === 1000) return
    if (code !== 4002) this.retryMs = Math.min(minuteMs, this.retryMs * 1.5 + (Math.random() * minuteMs) / 60)
    await sleep(code === 4002 ? (Math.random() * minuteMs) / 60 : this.retryMs)
    if (!this.over) await this.open(this.inactivityMs ?? inactivityMs + 60_000).catch(() => undefined)
  }
}
