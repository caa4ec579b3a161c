// Two stories of open tabs: one that is forgotten, and one whose human comes back.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, callOf, until } from '#test/functions/wake/client.ts'
import { OpenTab } from './open-tab.ts'
import { startReplica, startWorld, type Instance, type Replica } from '#test/functions/wake/world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

interface Recorded {
  readonly method?: string
  readonly path?: string
  readonly accept?: string
  readonly mode?: string
}

const session = (await readFile(new URL('../classes/odoo-session.jsonl', import.meta.url), 'utf8'))
  .trim()
  .split('\n')
  .map((line): Recorded => JSON.parse(line))

async function meet(count = 1): Promise<{ replicas: readonly Replica[]; instance: Instance }> {
  const replicas = await Promise.all(Array.from({ length: count }, () => startReplica(world.kubernetes)))
  const instance = await world.instance()
  await until(() => replicas.every(({ wake }) => wake.rooms.named(instance.name) !== undefined))
  return { replicas, instance }
}

async function awake(replica: Replica, instance: Instance): Promise<void> {
  expect((await ask(callOf(replica, instance))).status).toBe(200)
}

async function fallAsleep(replicas: readonly Replica[], instance: Instance): Promise<void> {
  await instance.scale(0)
  await until(() => replicas.every(({ wake }) => wake.rooms.named(instance.name)?.room.life.is === 'asleep'))
}

const parked = ({ wake }: Replica, { name }: Instance): number => wake.rooms.named(name)?.usage?.parked ?? 0
const replicasOf = async (instance: Instance): Promise<number> => (await instance.read()).spec?.replicas ?? 0

describe('a tab that is forgotten', () => {
  it('stays connected while the instance sleeps, says nothing to its human, and wakes nobody', async () => {
    const { replicas, instance } = await meet()
    const [replica] = replicas
    if (replica === undefined) throw new Error('no replica')
    await awake(replica, instance)
    const requests = session.filter(({ method, path }) => method !== undefined && path !== undefined)
    for (const { method = '', path = '', accept = '*/*', mode = 'cors' } of requests.filter(isNoUpgrade)) {
      const headers = { accept, 'sec-fetch-mode': mode }
      expect((await ask({ port: replica.port, host: instance.host, method, path, headers })).status).toBe(200)
    }
    const tab = new OpenTab(() => replica.port, instance.host)
    await tab.open()
    await until(() => tab.heard.length > 0)
    await tab.minutes(2)
    await fallAsleep([replica], instance)
    await until(() => parked(replica, instance) === 1)
    const asked = await replica.metric('platxa_wake_requests_total', 'class="A"')
    await tab.minutes(40)
    expect(tab).toMatchObject({ isConnected: true, handshakes: 1, closed: [], complaints: 0 })
    expect(await replicasOf(instance)).toBe(0)
    expect(instance.odoo.boots).toBe(1)
    expect(await replica.metric('platxa_wake_requests_total', 'class="A"')).toBe(asked)
  })

  it('comes back to a sleeper with its browser, is told that it has missed nothing, and wakes nobody', async () => {
    const { replicas, instance } = await meet()
    const [replica] = replicas
    const tab = new OpenTab(() => replica?.port ?? 0, instance.host)
    await tab.open(7_200_000)
    await tab.open(7_200_000)
    await tab.minutes(3)
    expect(tab).toMatchObject({ isConnected: true, complaints: 0, closed: [] })
    expect(await replicasOf(instance)).toBe(0)
  })

  it('finds the other replica when its own one leaves, and still wakes nobody', async () => {
    const { replicas, instance } = await meet(2)
    const [first, second] = replicas
    if (first === undefined || second === undefined) throw new Error('no replicas')
    let port = first.port
    const tab = new OpenTab(() => port, instance.host)
    await tab.open(7_200_000)
    port = second.port
    await first.stop()
    await until(() => tab.isConnected && parked(second, instance) === 1)
    expect(tab).toMatchObject({ handshakes: 2, closed: [1012], complaints: 0 })
    expect(await replicasOf(instance)).toBe(0)
  })
})

describe('a human of whom only the tab knows', () => {
  const askTabs = async ({ wake }: Replica, { name }: Instance): Promise<unknown> =>
    (await wake.control.request(`/instances/${name}/tabs`, { method: 'POST' })).json()
  const humanIdleMs = async ({ wake }: Replica, { name }: Instance): Promise<number | null> => {
    const answer = await wake.control.request(`/instances/${name}`)
    return ((await answer.json()) as { humanIdleMs: number | null }).humanIdleMs
  }

  it('is told of when somebody asks: every tab comes again once and quietly, and tells', async () => {
    const { replicas, instance } = await meet()
    const [replica] = replicas
    if (replica === undefined) throw new Error('no replica')
    await awake(replica, instance)
    const tabs = Array.from({ length: 3 }, () => new OpenTab(() => replica.port, instance.host))
    await Promise.all(tabs.map((tab) => tab.open(7_200_000)))
    await until(() => tabs.every((tab) => tab.heard.length > 0))
    expect(await humanIdleMs(replica, instance)).toBeGreaterThan(7_000_000)
    const [first] = tabs
    if (first !== undefined) first.inactivityMs = 3_000
    expect(await askTabs(replica, instance)).toEqual({ asked: 3 })
    await until(() => tabs.every((tab) => tab.handshakes === 2 && tab.isConnected))
    await until(async () => ((await humanIdleMs(replica, instance)) ?? Infinity) < 7_000_000)
    for (const tab of tabs) expect(tab).toMatchObject({ handshakes: 2, closed: [4002], complaints: 0 })
    await until(() => instance.odoo.sockets.size === tabs.length)
    expect(instance.odoo.boots).toBe(1)
  })

  it('is not asked for where no tab is open, nor of an instance that nobody knows', async () => {
    const { replicas, instance } = await meet()
    const [replica] = replicas
    if (replica === undefined) throw new Error('no replica')
    expect(await askTabs(replica, instance)).toEqual({ asked: 0 })
    expect((await replica.wake.control.request('/instances/nobody/tabs', { method: 'POST' })).status).toBe(404)
  })
})

describe('a human who comes back to open tabs', () => {
  it('moves the mouse: the instance wakes, every tab comes again once and quietly, and the first click is answered', async () => {
    const { replicas, instance } = await meet()
    const [replica] = replicas
    if (replica === undefined) throw new Error('no replica')
    await awake(replica, instance)
    const tabs = Array.from({ length: 20 }, () => new OpenTab(() => replica.port, instance.host))
    await Promise.all(tabs.map((tab) => tab.open()))
    await fallAsleep(replicas, instance)
    await until(() => parked(replica, instance) === tabs.length)
    await Promise.all(tabs.map((tab) => tab.minutes(5)))
    expect(await replicasOf(instance)).toBe(0)
    tabs[0]?.presence(350)
    await awake(replica, instance)
    await until(() => tabs.every((tab) => tab.handshakes === 2 && tab.isConnected))
    await until(() => instance.odoo.sockets.size === tabs.length)
    for (const tab of tabs) expect(tab).toMatchObject({ handshakes: 2, closed: [4002], complaints: 0 })
    expect(instance.odoo.boots).toBe(2)
    expect(parked(replica, instance)).toBe(0)
  })
})

function isNoUpgrade({ path }: Recorded): boolean {
  return path?.startsWith('/websocket') === false
}
