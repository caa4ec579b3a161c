// The door in front of real Deployments: real API server, controllers and scheduler, real sockets.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flashMs } from '#functions/wake/decide.ts'
import { ask, browser, callOf, click, gate, until, type Got } from './client.ts'
import { startReplica, startWorld } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

describe('a page load of a sleeping instance', () => {
  it('is shown the page, wakes the instance with one PATCH, and is forwarded once the instance answers', async () => {
    const { replica, instance } = await world.meet()
    const { host, odoo, name } = instance
    const visit = { port: replica.port, host, path: '/odoo?debug=1', headers: browser }
    const page = await ask(visit)
    expect(page.status).toBe(503)
    expect(page.headers).toMatchObject({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
    expect(Number(page.headers['retry-after'])).toBeGreaterThan(0)
    expect(page.body).toContain('Waking up')
    await until(async () => JSON.parse((await ask({ ...visit, path: '/.platxa/wake' })).body).state === 'ready')
    expect(await ask(visit)).toMatchObject({ status: 200, body: 'answer to GET /odoo?debug=1' })
    expect(odoo.got).toEqual(['GET /odoo?debug=1'])
    expect(await replica.metric('platxa_wake_patches_total')).toBe(1)
    await until(async () => (await instance.read()).metadata?.annotations?.['platxa.io/recent-wakes'] !== undefined)
    const notes = (await instance.read()).metadata?.annotations ?? {}
    expect(notes['platxa.io/why']).toMatch(
      /^Awake since .* UTC; woken by somebody who opened \/odoo \(http, class A, browser\); .* at the earliest; no sleep/,
    )
    expect(replica.events).toMatchObject([{ type: 'io.platxa.instance.woken.v1', data: { name, trigger: 'http' } }])
  })

  it('is told the real phases by the small JSON that the page asks for', async () => {
    const { replica, instance } = await world.meet()
    const [start, load] = [gate(), gate()]
    Object.assign(instance.odoo, { beforeStart: start.opened, beforeLoad: load.opened, readyMs: 60_000 })
    const visit = { port: replica.port, host: instance.host, headers: browser }
    const hears = async (phase: string): Promise<boolean> =>
      JSON.parse((await ask({ ...visit, path: '/.platxa/wake' })).body).phase === phase
    await ask(visit)
    await until(() => hears('starting'))
    start.open()
    await until(() => hears('database'))
    load.open()
    await until(() => hears('ready'))
  })

  it('keeps a page waiting that asks for it, until there is something to tell', async () => {
    const { replica, instance } = await world.meet()
    instance.odoo.startMs = 900
    instance.odoo.loadMs = 900
    const visit = { port: replica.port, host: instance.host, headers: browser }
    await ask(visit)
    const impatient: string[] = []
    let before = ''
    await until(async () => {
      const from = performance.now()
      const { state, phase } = JSON.parse((await ask({ ...visit, path: '/.platxa/wake?wait' })).body)
      const isNews = phase === 'database' && before !== phase
      if (state === 'waking' && !isNews && performance.now() - from < 650) impatient.push(phase)
      before = phase
      return state === 'ready'
    })
    expect(impatient).toEqual([])
  })

  it('is held where it comes when little is left of a long wake, and the page on the screen hears when that is', async () => {
    const replica = await startReplica(world.kubernetes)
    const instance = await world.instance({ annotations: { 'platxa.io/recent-wakes': '1600 1550 1700' } })
    const { odoo, host } = instance
    const [start, load] = [gate(), gate()]
    Object.assign(odoo, { beforeStart: start.opened, beforeLoad: load.opened, readyMs: 60_000 })
    await until(() => replica.wake.rooms.named(instance.name) !== undefined)
    const visit = { port: replica.port, host, path: '/odoo', headers: browser }
    expect((await ask(visit)).status).toBe(503)
    const hears = async (path: string): Promise<{ phase: string; soon: boolean }> =>
      JSON.parse((await ask({ ...visit, path })).body)
    await until(async () => (await hears('/.platxa/wake')).phase === 'starting')
    expect((await hears('/.platxa/wake')).soon).toBe(false)
    start.open()
    let heard = await hears('/.platxa/wake?wait')
    while (heard.phase === 'starting') heard = await hears('/.platxa/wake?wait')
    expect(heard).toMatchObject({ phase: 'database', soon: true })
    const held = ask(visit)
    await until(async () => (await replica.metric('platxa_wake_holds')) === 1)
    load.open()
    expect(await held).toMatchObject({ status: 200, body: 'answer to GET /odoo' })
    expect(odoo.got).toEqual(['GET /odoo'])
  })

  it('is held for a moment, without a page, where wakes are known to be fast', async () => {
    const replica = await startReplica(world.kubernetes)
    const visit = async (): Promise<Got & { ms: number }> => {
      const instance = await world.instance({ annotations: { 'platxa.io/recent-wakes': '700 650 720' } })
      Object.assign(instance.odoo, { startMs: 50, loadMs: 50 })
      await until(() => replica.wake.rooms.named(instance.name) !== undefined)
      const from = performance.now()
      const got = await ask({ port: replica.port, host: instance.host, path: '/odoo', headers: browser })
      return { ...got, ms: performance.now() - from }
    }
    let got = await visit()
    // A busy machine may need more than the moment. Then there is a page, but not before the moment is over.
    for (let more = 5; more > 0 && got.status === 503; more -= 1) {
      expect(got.ms).toBeGreaterThanOrEqual(flashMs - 10)
      got = await visit()
    }
    expect(got).toMatchObject({ status: 200, body: 'answer to GET /odoo' })
  })

  it('is shown the page there, too, when there is no place to be held', async () => {
    const replica = await startReplica(world.kubernetes, { holdsPerInstance: 0 })
    const instance = await world.instance({ annotations: { 'platxa.io/recent-wakes': '700 650 720' } })
    await until(() => replica.wake.rooms.named(instance.name) !== undefined)
    const { status, body } = await ask({ port: replica.port, host: instance.host, path: '/odoo', headers: browser })
    expect([status, body.includes('Waking up')]).toEqual([503, true])
  })
})

describe('calls of a sleeping instance', () => {
  it('are held, 200 at once with one PATCH, and all answered', async () => {
    const { replica, instance } = await world.meet()
    const { host, odoo } = instance
    const calls = Array.from({ length: 200 }, (_, i) =>
      ask({
        port: replica.port,
        host,
        method: 'POST',
        path: `/web/dataset/call_kw/${i}`,
        headers: click,
        body: `body ${i}`,
      }),
    )
    const got = await Promise.all(calls)
    expect(new Set(got.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(odoo.got).size).toBe(200)
    expect(odoo.bodies.toSorted()).toEqual(Array.from({ length: 200 }, (_, i) => `body ${i}`).toSorted())
    expect(odoo.boots).toBe(1)
    expect(await replica.metric('platxa_wake_patches_total')).toBe(1)
    expect(await replica.metric('platxa_wake_added_after_ready_seconds_count')).toBeGreaterThan(0)
    expect(await replica.metric('platxa_wake_holds')).toBe(0)
  })

  it('reach it before its kubelet calls it ready', async () => {
    const { replica, instance } = await world.meet()
    instance.odoo.readyMs = 60_000
    const got = await ask(callOf(replica, instance))
    expect(got.status).toBe(200)
  })

  it('give their place back when the client leaves', async () => {
    const { replica, instance } = await world.meet()
    const start = gate()
    instance.odoo.beforeStart = start.opened
    const leave = new AbortController()
    const call = callOf(replica, instance)
    const gone = ask({ ...call, signal: leave.signal })
    const stays = ask(call)
    await until(async () => (await replica.metric('platxa_wake_holds')) === 2)
    leave.abort()
    await expect(gone).rejects.toThrow('aborted')
    await until(async () => (await replica.metric('platxa_wake_holds')) === 1)
    start.open()
    expect((await stays).status).toBe(200)
    expect(instance.odoo.got).toHaveLength(1)
  })

  it('are refused with Retry-After when there is no place left; a place on top is for people', async () => {
    const { replica, instance } = await world.meet({ holdsPerInstance: 2 })
    const start = gate()
    instance.odoo.beforeStart = start.opened
    const call = callOf(replica, instance)
    const api = { ...call, headers: { 'content-type': 'application/json' } }
    const held = [ask(api), ask(api)]
    await until(async () => (await replica.metric('platxa_wake_holds')) === 2)
    const full = await ask(api)
    held.push(ask(call))
    await until(async () => (await replica.metric('platxa_wake_holds')) === 3)
    expect((await ask(call)).status).toBe(503)
    expect(await replica.metric('platxa_wake_over_budget_total', 'budget="holds per instance",who="person"')).toBe(1)
    expect(full).toMatchObject({ status: 503, headers: { 'retry-after': '5', 'content-type': 'application/json' } })
    expect(JSON.parse(full.body).error.message).toContain('Too many')
    start.open()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
  })

  it('are told in their own language when the wait was too long', async () => {
    const { replica, instance } = await world.meet({ holdTimeoutMs: 300 })
    const start = gate()
    instance.odoo.beforeStart = start.opened
    const call = { port: replica.port, host: instance.host, method: 'POST', body: '{}' }
    const [rpc, json, xml, plain] = await Promise.all([
      ask({ ...call, path: '/web/dataset/call_kw', headers: click }),
      ask({ ...call, path: '/json/2/res.partner/read' }),
      ask({ ...call, path: '/xmlrpc/2/object', headers: { 'content-type': 'text/xml' } }),
      ask({ ...call, path: '/payment/webhook' }),
    ])
    start.open()
    expect([rpc, json, xml, plain].map(({ status }) => status)).toEqual([504, 504, 504, 504])
    expect(JSON.parse(rpc.body)).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: 504 } })
    expect(JSON.parse(json.body)).toMatchObject({ message: expect.stringContaining('did not wake up') })
    expect(xml.body).toContain('<name>faultCode</name><value><int>504</int></value>')
    expect(plain.headers['content-type']).toContain('text/plain')
    expect(rpc.headers['retry-after']).toBe('5')
  })

  it('keep their body unread, and are asked to go on only by the instance', async () => {
    const { replica, instance } = await world.meet()
    instance.odoo.startMs = 600
    const from = performance.now()
    const headers = { ...click, expect: '100-continue' }
    const got = await ask({
      port: replica.port,
      host: instance.host,
      method: 'POST',
      path: '/web/binary/upload',
      headers,
      body: 'x'.repeat(300_000),
    })
    expect(got.status).toBe(200)
    expect(performance.now() - from).toBeGreaterThan(600)
    expect(instance.odoo.bodies[0]).toHaveLength(300_000)
  })
})

describe('what nobody is woken for', () => {
  it('is answered truthfully while the instance goes on sleeping', async () => {
    const { replica, instance } = await world.meet()
    const { host } = instance
    const port = replica.port
    const rpc = '{"jsonrpc":"2.0","method":"call","id":77,"params":{}}'
    const missed = await ask({
      port,
      host,
      method: 'POST',
      path: '/bus/has_missed_notifications',
      headers: click,
      body: rpc,
    })
    expect(JSON.parse(missed.body)).toEqual({ jsonrpc: '2.0', id: 77, result: false })
    const version = await ask({
      port,
      host,
      method: 'POST',
      path: '/web/webclient/version_info',
      headers: click,
      body: rpc,
    })
    expect(JSON.parse(version.body)).toMatchObject({ id: 77, result: { server_serie: '19.0' } })
    const health = await ask({ port, host, path: '/web/health' })
    expect(health).toMatchObject({
      status: 200,
      headers: { 'platxa-instance': 'asleep' },
      body: '{"status":"asleep"}\n',
    })
    const others = await Promise.all([
      ask({ port, host, path: '/robots.txt' }),
      ask({ port, host, path: '/favicon.ico' }),
      ask({ port, host, path: '/web/assets/1/a/b.css' }),
      ask({ port, host, path: '/longpolling/im_status', method: 'POST', headers: click, body: '{}' }),
      ask({ port, host, method: 'HEAD' }),
      ask({
        port,
        host,
        path: '/shop',
        headers: { ...browser, 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' },
      }),
      ask({ port, host, headers: { ...browser, 'user-agent': 'UptimeRobot/2.0' } }),
    ])
    expect(others.map(({ status }) => status)).toEqual([503, 204, 503, 503, 503, 503, 200])
    await sleep(300)
    expect((await instance.read()).spec?.replicas).toBe(0)
    expect(await replica.metric('platxa_wake_patches_total')).toBe(0)
    expect(replica.wake.rooms.named(instance.name)?.usage).toBeNull()
  })

  it('hears what the instance last said of its version', async () => {
    const { replica, instance } = await world.meet()
    await ask(callOf(replica, instance))
    await until(() => replica.wake.rooms.named(instance.name)?.versionInfo !== null)
    await instance.scale(0)
    await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'asleep')
    const version = await ask({
      port: replica.port,
      host: instance.host,
      method: 'POST',
      path: '/web/webclient/version_info',
      headers: click,
      body: '{"id":1}',
    })
    expect(JSON.parse(version.body)).toEqual({ jsonrpc: '2.0', id: 1, result: { server_version: '19.0-test' } })
  })

  it('hears it of an instance that was too busy to say so at first', async () => {
    const { replica, instance } = await world.meet()
    instance.odoo.mute = true
    expect((await ask(callOf(replica, instance))).status).toBe(200)
    await until(() => instance.odoo.traced.some((line) => line.startsWith('/web/webclient/version_info')))
    instance.odoo.mute = false
    await until(() => replica.wake.rooms.named(instance.name)?.versionInfo === '{"server_version":"19.0-test"}')
  })

  it('hears it of an instance that somebody else had woken, too, once this replica has served it', async () => {
    const { replica, instance } = await world.meet()
    const start = gate()
    instance.odoo.beforeStart = start.opened
    await instance.scale(1)
    await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'waking')
    const held = ask(callOf(replica, instance))
    await until(async () => (await replica.metric('platxa_wake_holds')) === 1)
    start.open()
    expect((await held).status).toBe(200)
    await until(() => replica.wake.rooms.named(instance.name)?.versionInfo === '{"server_version":"19.0-test"}')
  })

  it('is not a host nobody knows, nor a page that is closed', async () => {
    const { replica, instance } = await world.meet()
    const { port } = replica
    expect(await ask({ port, host: 'nobody.example.com', headers: browser })).toMatchObject({
      status: 404,
      body: 'No such site.\n',
    })
    for (const path of [
      '/web/database/manager',
      '/web/%64atabase/selector',
      '/fr_FR//web/database/create',
      '/web/database',
    ]) {
      expect((await ask({ port, host: instance.host, path, headers: browser })).status).toBe(404)
    }
    expect((await instance.read()).spec?.replicas).toBe(0)
  })

  it('is reached by its host in any spelling', async () => {
    const { replica, instance } = await world.meet()
    for (const host of [instance.host.toUpperCase(), `${instance.host}.`, `${instance.host}:8443`]) {
      expect((await ask({ port: replica.port, host, path: '/web/health' })).status).toBe(200)
    }
  })
})
