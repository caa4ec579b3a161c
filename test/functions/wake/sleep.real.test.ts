// Falling asleep without losing a request: the fence, and what comes after it.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WakeSettings } from '#functions/wake/wake.ts'
import { activity, fenceReport } from '#shared/wake/contract.ts'
import { ask, browser, callOf, gate, until, type Ask, type Got } from './client.ts'
import { startReplica, startWorld, type Instance, type Replica } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

async function meetAwake(
  settings: Partial<WakeSettings> = {},
): Promise<{ replica: Replica; instance: Instance; call: Ask }> {
  const replica = await startReplica(world.kubernetes, settings)
  const instance = await world.instance()
  await until(() => replica.wake.rooms.named(instance.name) !== undefined)
  const call = callOf(replica, instance)
  expect((await ask(call)).status).toBe(200)
  instance.odoo.got.length = 0
  return { replica, instance, call }
}

async function control(
  replica: Replica,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${replica.controlPort}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

async function raise(replica: Replica, { name }: Instance, ttlMs = 10_000): Promise<string> {
  const { status, body } = await control(replica, 'POST', `/instances/${name}/fence`, { ttlMs })
  expect(status).toBe(200)
  return fenceReport.parse(body).fence
}

/** As sleep does it: whatever is in flight lifts the fence again. */
async function raiseWhenQuiet(replica: Replica, { name }: Instance): Promise<void> {
  for (;;) {
    const { body } = await control(replica, 'POST', `/instances/${name}/fence`, { ttlMs: 10_000 })
    const { fence, inFlight } = fenceReport.parse(body)
    if (inFlight === 0) return
    await control(replica, 'DELETE', `/instances/${name}/fence/${fence}`)
    await sleep(7)
  }
}

/** What has become of it by now. */
function follow(call: Promise<Got>): { readonly now: () => string; readonly end: Promise<Got> } {
  let state = 'waits'
  const end = call.finally(() => (state = 'answered'))
  return { now: () => state, end }
}

describe('a fence', () => {
  it('holds new requests of every kind, and forwards them when it is lifted', async () => {
    const { replica, instance, call } = await meetAwake()
    const fence = await raise(replica, instance)
    const held = [
      call,
      { ...call, method: 'GET', path: '/odoo', headers: browser },
      { ...call, method: 'GET', path: '/web/assets/1/a/b.js' },
    ].map((one) => follow(ask(one)))
    await sleep(300)
    expect(held.map(({ now }) => now())).toEqual(['waits', 'waits', 'waits'])
    expect(instance.odoo.got).toEqual([])
    expect((await control(replica, 'DELETE', `/instances/${instance.name}/fence/${fence}`)).status).toBe(204)
    expect((await Promise.all(held.map(({ end }) => end))).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(instance.odoo.got).toHaveLength(3)
    expect((await control(replica, 'DELETE', `/instances/${instance.name}/fence/${fence}`)).status).toBe(204)
    expect(await replica.metric('platxa_wake_fences_total', 'lifted')).toBe(1)
  })

  it('expires by itself, and then lets in who waits', async () => {
    const { replica, instance, call } = await meetAwake()
    await raise(replica, instance, 400)
    const from = performance.now()
    expect((await ask(call)).status).toBe(200)
    expect(performance.now() - from).toBeGreaterThan(300)
  })

  it('stands no longer than FENCE_TTL, whoever asks', async () => {
    const { replica, instance, call } = await meetAwake({ longestFenceMs: 300 })
    await raise(replica, instance, 60_000)
    const from = performance.now()
    expect((await ask(call)).status).toBe(200)
    expect(performance.now() - from).toBeLessThan(30_000)
  })

  it('is one at a time, and only for an instance that is known', async () => {
    const { replica, instance } = await meetAwake()
    await raise(replica, instance)
    expect((await control(replica, 'POST', `/instances/${instance.name}/fence`, { ttlMs: 1000 })).status).toBe(409)
    expect((await control(replica, 'POST', '/instances/nobody/fence', { ttlMs: 1000 })).status).toBe(404)
    expect((await control(replica, 'POST', `/instances/${instance.name}/fence`, { ttlMs: 0 })).status).toBe(400)
    expect(
      (await control(replica, 'POST', `/instances/${instance.name}/fence`, { ttlMs: 1000, more: 'x'.repeat(2000) }))
        .status,
    ).toBe(413)
  })

  it('reports what is in flight and how long nobody did anything', async () => {
    const { replica, instance, call } = await meetAwake()
    const answered = gate()
    instance.odoo.respond = () => ({ status: 200, body: 'slow', after: answered.opened })
    const slow = ask(call)
    await until(() => instance.odoo.got.length === 1)
    const { body } = await control(replica, 'POST', `/instances/${instance.name}/fence`, { ttlMs: 500 })
    expect(fenceReport.parse(body)).toMatchObject({ inFlight: 1, humanIdleMs: null })
    answered.open()
    expect((await slow).status).toBe(200)
    await sleep(150)
    const report = async () =>
      activity.parse((await control(replica, 'GET', '/activity')).body).instances[instance.name]
    await until(async () => (await report())?.fenced === false)
    const seen = await report()
    expect(seen).toMatchObject({ inFlight: 0, sockets: 0, parked: 0 })
    expect(seen?.idleMs).toBeGreaterThanOrEqual(100)
    expect(seen?.idleMs).toBeLessThan(60_000)
  })
})

describe('an instance that falls asleep behind a fence', () => {
  it('is woken again by the requests that waited, in the same replica and with one PATCH', async () => {
    const { replica, instance, call } = await meetAwake()
    await raise(replica, instance)
    const held = [1, 2, 3].map((i) => ask({ ...call, body: `held ${i}` }))
    const page = ask({ port: replica.port, host: instance.host, path: '/odoo', headers: browser })
    const picture = ask({ port: replica.port, host: instance.host, path: '/web/image/1' })
    await sleep(200)
    const patches = await replica.metric('platxa_wake_patches_total')
    instance.odoo.startMs = 2_000
    await instance.scale(0)
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await page).status).toBe(503)
    expect([200, 503]).toContain((await picture).status)
    expect((await replica.metric('platxa_wake_patches_total')) - patches).toBe(1)
    expect(instance.odoo.bodies.filter((body) => body.startsWith('held')).toSorted()).toEqual([
      'held 1',
      'held 2',
      'held 3',
    ])
    expect(instance.odoo.boots).toBe(2)
  })

  it('is not woken before its old pod has ended, because two of them exceed the quota', async () => {
    const { replica, instance, call } = await meetAwake()
    const answered = gate()
    instance.odoo.respond = () => ({ status: 200, body: 'long', after: answered.opened })
    const long = ask(call)
    await until(() => instance.odoo.got.length === 1)
    await instance.scale(0)
    await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'asleep')
    instance.odoo.respond = () => ({ status: 200, body: 'short' })
    const progress = ask({ port: replica.port, host: instance.host, path: '/odoo', headers: browser }).then(() =>
      ask({ port: replica.port, host: instance.host, path: '/.platxa/wake' }),
    )
    expect(JSON.parse((await progress).body)).toMatchObject({
      state: 'waking',
      phase: 'stopping',
      message: expect.stringContaining('falling asleep'),
    })
    expect((await instance.read()).spec?.replicas).toBe(0)
    answered.open()
    expect((await long.catch((error: Error) => error)) instanceof Error || (await long).status === 200).toBe(true)
    expect((await ask(call)).body).toBe('short')
    expect(instance.odoo.boots).toBe(2)
  })

  it('does not lose one of the requests that keep coming while it falls asleep again and again', async () => {
    const { replica, instance, call } = await meetAwake()
    Object.assign(instance.odoo, { startMs: 30, loadMs: 20 })
    const sent: Promise<Got>[] = []
    const sender = setInterval(() => sent.push(ask({ ...call, body: `request ${sent.length}` })), 15)
    for (let round = 0; round < 4; round += 1) {
      await raiseWhenQuiet(replica, instance)
      await instance.scale(0)
      const isBack = (): boolean => replica.wake.rooms.named(instance.name)?.room.life.is === 'awake'
      await until(() => instance.odoo.boots === round + 2 && isBack(), 20_000)
      await sleep(100)
    }
    clearInterval(sender)
    const got = await Promise.all(sent)
    expect(got.filter(({ status }) => status !== 200)).toEqual([])
    const heard = instance.odoo.bodies.filter((body) => body.startsWith('request'))
    expect(new Set(heard).size).toBe(heard.length)
    expect(heard).toHaveLength(sent.length)
  })
})

describe('two replicas', () => {
  it('wake one instance once, each with at most one PATCH, and each opens its own door', async () => {
    const one = await startReplica(world.kubernetes)
    const two = await startReplica(world.kubernetes)
    const instance = await world.instance()
    await until(() => [one, two].every(({ wake }) => wake.rooms.named(instance.name) !== undefined))
    const got = await Promise.all([one, two, one, two].map((replica) => ask(callOf(replica, instance))))
    expect(got.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(instance.odoo.boots).toBe(1)
    await until(() => one.events.length + two.events.length > 0)
    await sleep(200)
    expect(new Set([...one.events, ...two.events].map(({ id }) => id)).size).toBe(1)
  })

  it('both serve the parts of a page that one of them has just let in, before the kubelet says ready', async () => {
    const one = await startReplica(world.kubernetes)
    const two = await startReplica(world.kubernetes)
    const instance = await world.instance()
    instance.odoo.readyMs = 60_000
    await until(() => [one, two].every(({ wake }) => wake.rooms.named(instance.name) !== undefined))
    expect((await ask(callOf(one, instance))).status).toBe(200)
    const style = await ask({ port: two.port, host: instance.host, path: '/web/assets/1/a/b.css' })
    expect(style.status).toBe(200)
  })
})
