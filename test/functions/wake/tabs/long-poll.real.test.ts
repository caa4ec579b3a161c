// Open tabs of Odoo 14 and 15, which ask for news by `POST /longpolling/poll` instead of a WebSocket.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, callOf, click, until, type Got } from '#test/functions/wake/client.ts'
import { startWorld, type Instance, type Replica } from '#test/functions/wake/world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

function poll({ port }: Replica, { host }: Instance, inactivityMs: number, signal?: AbortSignal): Promise<Got> {
  const params = { channels: ['bus'], last: 12, options: { bus_inactivity: inactivityMs } }
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'call', params, id: 4711 })
  return ask({ port, host, method: 'POST', path: '/longpolling/poll', headers: click, body, ...(signal && { signal }) })
}

const nothingNew = { jsonrpc: '2.0', id: 4711, result: [] }
const awake = async (replica: Replica, instance: Instance): Promise<void> => {
  await ask(callOf(replica, instance))
}
const parked = (replica: Replica, { name }: Instance): number => replica.wake.rooms.named(name)?.usage?.parked ?? 0

describe('a long poll of a sleeping instance', () => {
  it('is kept waiting as Odoo would, told that there is nothing, and wakes nobody', async () => {
    const { replica, instance } = await world.meet({ longPollMs: 400 })
    const from = performance.now()
    const asked = poll(replica, instance, 3_600_000)
    await until(() => parked(replica, instance) === 1)
    const got = await asked
    expect(performance.now() - from).toBeGreaterThan(390)
    expect(got).toMatchObject({ status: 200, headers: { 'platxa-instance': 'asleep' } })
    expect(JSON.parse(got.body)).toEqual(nothingNew)
    expect(parked(replica, instance)).toBe(0)
    expect((await instance.read()).spec?.replicas).toBe(0)
    expect(await replica.metric('platxa_wake_requests_total', 'class="B",outcome="answered for"')).toBe(1)
  })

  it('gives its place back when the tab is closed, and has none where tabs have used them up', async () => {
    const { replica, instance } = await world.meet({ park: { perInstance: 1 } })
    const leave = new AbortController()
    const first = poll(replica, instance, 60_000, leave.signal)
    await until(() => parked(replica, instance) === 1)
    expect(await poll(replica, instance, 60_000)).toMatchObject({ status: 503, headers: { 'retry-after': '60' } })
    leave.abort()
    await expect(first).rejects.toThrow('aborted')
    await until(() => parked(replica, instance) === 0)
  })

  it('that tells of a human who just moved wakes it; the tab asks again and is answered by the instance', async () => {
    const { replica, instance } = await world.meet()
    const got = await poll(replica, instance, 1_200)
    expect(JSON.parse(got.body)).toEqual(nothingNew)
    expect(replica.wake.rooms.named(instance.name)?.room.life.is).toBe('awake')
    expect((await poll(replica, instance, 1_500)).body).toBe('answer to POST /longpolling/poll')
  })

  it('is answered at once when somebody else wakes the instance', async () => {
    const { replica, instance } = await world.meet()
    const asked = poll(replica, instance, 60_000)
    await until(() => parked(replica, instance) === 1)
    await awake(replica, instance)
    expect(JSON.parse((await asked).body)).toEqual(nothingNew)
  })
})

describe('a long poll of an awake instance', () => {
  it('reaches it whole, and says on its way when its human last moved', async () => {
    const { replica, instance } = await world.meet()
    await awake(replica, instance)
    await poll(replica, instance, 40_000)
    expect(JSON.parse(instance.odoo.bodies.at(-1) ?? '')).toMatchObject({ id: 4711, params: { last: 12 } })
    const usage = replica.wake.rooms.named(instance.name)?.usage
    const humanIdleMs = performance.timeOrigin + performance.now() - (usage?.humanAt ?? 0)
    expect(humanIdleMs).toBeGreaterThanOrEqual(40_000)
    expect(humanIdleMs).toBeLessThan(100_000)
    expect(usage?.inFlight).toBe(0)
  })

  it('that is under way when it falls asleep is told that there is nothing, and then waits with us', async () => {
    const { replica, instance } = await world.meet({ longPollMs: 300 })
    await awake(replica, instance)
    instance.odoo.impatient = true
    instance.odoo.respond = () => ({ status: 200, body: 'too late', after: sleep(20_000) })
    const asked = poll(replica, instance, 60_000)
    await until(() => instance.odoo.got.includes('POST /longpolling/poll'))
    await instance.scale(0)
    expect(JSON.parse((await asked).body)).toEqual(nothingNew)
    expect(await replica.metric('platxa_wake_requests_total', 'class="B",outcome="answered for"')).toBe(1)
    expect(await replica.metric('platxa_wake_requests_total', 'class="B",outcome="broken"')).toBe(0)
    expect(JSON.parse((await poll(replica, instance, 90_000)).body)).toEqual(nothingNew)
    await sleep(100)
    expect((await instance.read()).spec?.replicas).toBe(0)
  })

  it('hears the truth when the instance goes for another reason', async () => {
    const { replica, instance } = await world.meet()
    await awake(replica, instance)
    instance.odoo.respond = () => ({ status: 200, body: 'too late', after: sleep(20_000) })
    const asked = poll(replica, instance, 60_000)
    await until(() => instance.odoo.got.includes('POST /longpolling/poll'))
    await instance.odoo.restart?.(100)
    expect((await asked).status).toBe(502)
  })
})
