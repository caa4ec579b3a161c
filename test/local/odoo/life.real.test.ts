// When the stand-in listens, answers, and what it finishes before it ends: compared with facts measured on Odoo 19.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { WebSocket } from 'ws'

import { openDatabase } from '#local/odoo/database.ts'
import { parseConf, readSettings } from '#local/odoo/settings.ts'

import { discard, launch, type Launched, LOGIN, PASSWORD, type Tenant, tenant } from './launch.ts'

const CLOSE_ANSWER_SECONDS = 15
let database: Tenant
const launched: Launched[] = []
beforeAll(async () => (database = await tenant(inject('postgresUrl'))))
afterEach(async () => void (await Promise.all(launched.splice(0).map(discard))))
afterAll(() => database.drop())

async function start(options: Parameters<typeof launch>[1] = {}): Promise<Launched> {
  const odoo = await launch(database, options)
  launched.push(odoo)
  return odoo
}

async function ready(options: Parameters<typeof launch>[1] = {}): Promise<Launched> {
  const odoo = await start(options)
  await odoo.answering()
  return odoo
}

const open = ({ host }: Launched, port: number): Promise<WebSocket> =>
  new Promise((done, fail) => {
    const socket = new WebSocket(`ws://${host}:${port}/websocket?version=19.0-2`)
    socket.once('open', () => done(socket))
    socket.once('error', fail)
  })

const accepts = ({ host }: Launched, port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, host, () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })

/** A client that upgrades and then never answers anything. */
const deaf = ({ host, port }: Launched): Promise<Socket> =>
  new Promise((done) => {
    const socket = connect(port, host)
    const key = 'dGhlIHNhbXBsZSBub25jZQ=='
    const head = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`
    socket.write(`GET /websocket HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`)
    socket.once('data', () => done(socket))
  })

describe('starting', () => {
  it('takes connections early and answers none of them before the registry is loaded', async () => {
    const odoo = await start({ env: { STANDIN_START_SECONDS: '4' } })
    while (!(await accepts(odoo, odoo.port))) await sleep(10)
    expect(odoo.log()).not.toContain('Registry loaded')
    const health = await fetch(`${odoo.url}/web/health`)
    expect(odoo.log()).toContain('Registry loaded')
    expect(await health.json()).toEqual({ status: 'pass' })
  })

  it('ends with 1 when the database refuses the password', async () => {
    const odoo = await start({ env: { PGPASSWORD: 'wrong' } })
    expect(await odoo.exited).toBe(1)
    expect(odoo.log()).toContain('password authentication failed')
  })

  it('ends with 1 when nobody listens where PostgreSQL should be', async () => {
    const odoo = await start({ env: { PGPORT: '1' } })
    expect(await odoo.exited).toBe(1)
    expect(odoo.log()).toContain('ECONNREFUSED')
  })

  // The database named postgres is everybody's in this run, so another one plays its part.
  it('gives up when the role may not connect to the shared database', async () => {
    const closed = `${database.name}_closed`
    await database.sql(`CREATE DATABASE ${closed}`, 'postgres')
    await database.sql(`REVOKE CONNECT ON DATABASE ${closed} FROM PUBLIC`, 'postgres')
    const settings = readSettings(parseConf(`[options]\ndb_name = ${database.name}`), database.env, '/')
    await expect(openDatabase(settings, closed)).rejects.toThrow(`permission denied for database "${closed}"`)
    await database.sql(`DROP DATABASE ${closed}`, 'postgres')
  })
})

describe('running', () => {
  it('keeps the session of whoever signed in while it was away', async () => {
    const first = await ready()
    const params = { db: database.name, login: LOGIN, password: PASSWORD }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, params })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${first.url}/web/session/authenticate`, { method: 'POST', body, headers })
    const cookie = answer.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
    await first.stop()
    const second = await ready({ root: first.root })
    const page = await fetch(`${second.url}/odoo`, { headers: { cookie }, redirect: 'manual' })
    expect([page.status, (await page.text()).includes(LOGIN)]).toEqual([200, true])
  })

  it('says that all is well when its database is gone, and redirects its pages to themselves', async () => {
    const odoo = await ready()
    await database.sql(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS false`, 'postgres')
    await database.sql(
      `SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = '${database.name}'`,
      'postgres',
    )
    try {
      expect((await fetch(`${odoo.url}/web/health`)).status).toBe(200)
      const login = await fetch(`${odoo.url}/web/login`, { redirect: 'manual' })
      expect([login.status, login.headers.get('location')]).toEqual([302, '/web/login'])
    } finally {
      await database.sql(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS true`, 'postgres')
    }
  })

  it('without workers has the bus on the HTTP port and nothing on the other', async () => {
    const odoo = await ready()
    const socket = await open(odoo, odoo.port)
    expect(await accepts(odoo, odoo.geventPort)).toBe(false)
    socket.terminate()
  })

  it('with workers has the bus on the other port, and the HTTP port answers 500', async () => {
    const odoo = await ready({ workers: 2 })
    await expect(open(odoo, odoo.port)).rejects.toThrow('500')
    const socket = await open(odoo, odoo.geventPort)
    socket.terminate()
  })

  it('tells a subscribed tab of a record that somebody else created', async () => {
    const odoo = await ready()
    const [hears, deafToAll] = [await open(odoo, odoo.port), await open(odoo, odoo.port)]
    hears.send(JSON.stringify({ event_name: 'subscribe', data: { channels: [], last: 0 } }))
    hears.send(Buffer.from([0]))
    let heard: string | undefined
    hears.once('message', (data: Buffer) => (heard = data.toString()))
    let others = 0
    deafToAll.on('message', () => (others += 1))
    const params = {
      service: 'object',
      method: 'execute_kw',
      args: ['db', 1, PASSWORD, 'standin.note', 'create', [{ text: 'hello' }]],
    }
    const create = () => fetch(`${odoo.url}/jsonrpc`, { method: 'POST', body: JSON.stringify({ id: 1, params }) })
    // Nobody says when a subscription has arrived.
    const created = async () => heard ?? (await create(), heard)
    await expect.poll(created, { interval: 100 }).toBeDefined()
    expect(JSON.parse(heard ?? '')).toMatchObject([{ message: { type: 'standin.note', payload: { text: 'hello' } } }])
    expect(others).toBe(0)
    hears.terminate()
    deafToAll.terminate()
  })
})

describe('stopping', () => {
  it.each([0, 2])('with %i workers finishes the running request, takes no other, and ends with 0', async (workers) => {
    const odoo = await ready({ workers })
    const slow = fetch(`${odoo.url}/standin/slow?seconds=4`, { method: 'POST' })
    await sleep(1_500)
    const stopped = odoo.stop()
    await sleep(100)
    expect(await accepts(odoo, odoo.port)).toBe(false)
    expect((await slow).status).toBe(200)
    await stopped
    expect(await odoo.exited).toBe(0)
  })

  it('at rest takes the time that Odoo takes, with a connection open that never asked anything', async () => {
    const odoo = await ready({ env: { STANDIN_STOP_SECONDS: '1' } })
    const idle = connect(odoo.port, odoo.host).on('error', () => {})
    await sleep(50)
    const seconds = await odoo.stop()
    expect(seconds).toBeGreaterThan(0.95)
    expect(seconds).toBeLessThan(30)
    idle.destroy()
  })

  it('closes the tabs with 1001 and is over when they have answered', async () => {
    const odoo = await ready({ env: { STANDIN_CLOSE_ANSWER_SECONDS: String(CLOSE_ANSWER_SECONDS) } })
    const socket = await open(odoo, odoo.port)
    const code = new Promise<number>((done) => socket.once('close', done))
    expect(await odoo.stop()).toBeLessThan(CLOSE_ANSWER_SECONDS)
    expect(await code).toBe(1001)
  })

  it('waits for a tab that does not answer the close, and then ends all the same', async () => {
    const odoo = await ready()
    const socket = await deaf(odoo)
    const seconds = await odoo.stop()
    expect(seconds).toBeGreaterThan(1.4)
    expect(await odoo.exited).toBe(0)
    socket.destroy()
  })

  it('with workers just ends the stream of its tabs', async () => {
    const odoo = await ready({ workers: 2 })
    const socket = await open(odoo, odoo.geventPort)
    const code = new Promise<number>((done) => socket.once('close', done))
    await odoo.stop()
    expect(await code).toBe(1006)
  })

  it('at a second signal does not wait for anybody', async () => {
    const odoo = await ready()
    const slow = fetch(`${odoo.url}/standin/slow?seconds=30`).catch(() => 'cut')
    await sleep(100)
    odoo.child.kill('SIGTERM')
    await sleep(50)
    expect(await odoo.stop()).toBeLessThan(25)
    expect(await slow).toBe('cut')
  })
})
