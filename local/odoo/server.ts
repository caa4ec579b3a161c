// Starts and stops as a real Odoo 19 was seen to: when it listens, when it answers, what it finishes before it ends.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import { getRequestListener } from '@hono/node-server'

import { app } from './app.ts'
import { type Bus, createBus } from './bus.ts'
import { type Database, openDatabase } from './database.ts'
import type { OdooLog } from './log.ts'
import { sessionFiles } from './sessions.ts'
import type { Settings } from './settings.ts'

/** The port listens when about half of the start is over; until the registry is loaded nobody is answered. */
const LISTENS_AT = 0.5

export interface StandIn {
  /** Takes no more requests, lets the running ones finish, and is over when everything is closed. */
  stop(): Promise<void>
}

/** `startedAt` is when the process began (ms of the same clock as `performance.now()`): starting counts from there. */
export async function startStandIn(settings: Settings, log: OdooLog, startedAt = 0): Promise<StandIn> {
  const database = await openDatabase(settings)
  const bus = createBus()
  const registry = Promise.withResolvers<void>()
  const listener = requestListener(settings, database, bus, registry.promise, log)
  const http = createServer({ shouldUpgradeCallback: isWebSocket }, listener)
  http.on('upgrade', (request, socket, head) => {
    const take = settings.workers === 0 ? () => bus.accept(request, socket, head) : () => refuseWebSocket(socket)
    void registry.promise.then(take)
  })
  const servers = [http]
  try {
    await until(startedAt + settings.startMs * LISTENS_AT)
    await listen(http, settings.httpPort, settings.host)
    log('INFO', 'odoo.service.server', `HTTP service (werkzeug) running on ${settings.host}:${settings.httpPort}`)
    await until(startedAt + settings.startMs)
    if (settings.workers > 0) servers.push(await startGevent(settings, listener, bus, log))
  } catch (error) {
    http.close()
    await database.close()
    throw error
  }
  const crons = pollCrons(database, log)
  registry.resolve()
  log('INFO', 'odoo.modules.registry', 'Registry loaded')
  return {
    stop: once(() => {
      clearInterval(crons)
      return stop({ settings, servers, bus, database, log })
    }),
  }
}

/** Odoo looks for the first time a minute after its start. */
const CRON_POLL_MS = 60_000

function pollCrons(database: Database, log: OdooLog): NodeJS.Timeout {
  const look = async (): Promise<void> => {
    for (const name of await database.runCrons()) log('INFO', 'odoo.addons.base.models.ir_cron', `Job '${name}' done`)
  }
  const onFault = (error: unknown): void => log('WARNING', 'odoo.addons.base.models.ir_cron', String(error))
  return setInterval(() => void look().catch(onFault), CRON_POLL_MS).unref()
}

/** With workers the bus has a process and a port of its own, and only there. */
async function startGevent(settings: Settings, listener: RequestListener, bus: Bus, log: OdooLog): Promise<Server> {
  const gevent = createServer({ shouldUpgradeCallback: isWebSocket }, listener)
  gevent.on('upgrade', (request, socket, head) => bus.accept(request, socket, head))
  await listen(gevent, settings.geventPort, settings.host)
  log('INFO', 'odoo.service.server', `Evented Service (longpolling) running on ${settings.host}:${settings.geventPort}`)
  return gevent
}

interface Running {
  readonly settings: Settings
  readonly servers: readonly Server[]
  readonly bus: Bus
  readonly database: Database
  readonly log: OdooLog
}

async function stop({ settings, servers, bus, database, log }: Running): Promise<void> {
  log('INFO', 'odoo.service.server', 'Initiating shutdown')
  const closed = servers.map((server) => new Promise<void>((done) => server.close(() => done())))
  const quiet = settings.workers === 0 ? bus.goAway(settings.closeAnswerMs) : Promise.resolve(bus.cut())
  await Promise.all([...closed, quiet, sleep(settings.stopMs)])
  await database.close()
}

type RequestListener = Parameters<typeof createServer>[1]

function requestListener(
  settings: Settings,
  database: Database,
  bus: Bus,
  registry: Promise<void>,
  log: OdooLog,
): RequestListener {
  const sessions = sessionFiles(settings.dataDir)
  const routes = app({ database, sessions, databaseName: settings.database, notify: bus.notify, log })
  const answer = getRequestListener(routes.fetch)
  return (request, response) => {
    // Odoo's servers close the connection after every answer.
    response.shouldKeepAlive = false
    void registry.then(() => answer(request, response))
  }
}

function isWebSocket({ url = '', headers }: IncomingMessage): boolean {
  return url.split('?', 1)[0] === '/websocket' && headers.upgrade?.toLowerCase() === 'websocket'
}

function refuseWebSocket(socket: Duplex): void {
  const body = "Couldn't bind the websocket. Is the connection opened on the evented port (8072)?\n"
  const head = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close`
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 500 INTERNAL SERVER ERROR\r\n${head}\r\n\r\n${body}`)
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      done()
    })
  })
}

async function until(at: number): Promise<void> {
  await sleep(Math.max(0, at - performance.now()))
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= work())
}
