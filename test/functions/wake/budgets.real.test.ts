// Who wakes too often is told so, and nobody else is: real door, real Deployments.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { WakeSettings } from '#functions/wake/wake.ts'
import { ask, browser, click, until, type Ask } from './client.ts'
import { startReplica, startWorld, type Instance, type Replica } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

async function meet(settings: Partial<WakeSettings>): Promise<{ replica: Replica; instances: readonly Instance[] }> {
  const replica = await startReplica(world.kubernetes, settings)
  const instances = [await world.instance(), await world.instance()]
  await until(() => instances.every(({ name }) => replica.wake.rooms.named(name) !== undefined))
  return { replica, instances }
}

const from = (address: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'x-forwarded-for': address,
  ...more,
})

function call({ port }: Replica, instance: Instance | undefined, headers: Record<string, string>): Ask {
  return { port, host: instance?.host ?? '', method: 'POST', path: '/jsonrpc', headers, body: '{}' }
}

async function sleepAgain(replica: Replica, instance: Instance | undefined): Promise<void> {
  await instance?.scale(0)
  await until(() => {
    const room = replica.wake.rooms.named(instance?.name ?? '')?.room
    return room?.life.is === 'asleep' && !room.world.stopping
  })
}

describe('a client that has used up its wakes', () => {
  it('is told when to come again, in its own media type, and wakes nobody; another client does', async () => {
    const { replica, instances } = await meet({ budgets: { wakesPerClient: 1, wakesPerInstance: 0 } })
    const [one, two] = instances
    expect((await ask(call(replica, one, from('203.0.113.9')))).status).toBe(200)
    const refused = await ask(call(replica, two, from('6.6.6.6, 203.0.113.9')))
    expect(refused).toMatchObject({ status: 429, headers: { 'content-type': 'application/json' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(3_000)
    expect(JSON.parse(refused.body)).toMatchObject({ error: { code: 429 } })
    expect((await two?.read())?.spec?.replicas).toBe(0)
    expect(await replica.metric('platxa_wake_over_budget_total', 'budget="wakes per client",who="other"')).toBe(1)
    expect(await replica.metric('platxa_wake_requests_total', 'class="A",outcome="over budget"')).toBe(1)
    expect((await ask(call(replica, two, from('203.0.113.10')))).status).toBe(200)
    expect((await ask(call(replica, two, from('203.0.113.9')))).status).toBe(200)
  })

  it('sees a page that says so, where it is a browser', async () => {
    const { replica, instances } = await meet({ budgets: { wakesPerClient: 1, wakesPerInstance: 0 } })
    const visit = (instance: Instance | undefined): Promise<Awaited<ReturnType<typeof ask>>> =>
      ask({ port: replica.port, host: instance?.host ?? '', path: '/odoo', headers: from('203.0.113.9', browser) })
    expect((await visit(instances[0])).status).toBe(503)
    const page = await visit(instances[1])
    expect(page).toMatchObject({ status: 429, headers: { 'cache-control': 'no-store' } })
    expect(page.body).toContain('Too often for now')
    expect(page.headers['retry-after']).toBeDefined()
  })

  it('is not somebody of whom the proxy in front says nothing', async () => {
    const { replica, instances } = await meet({ budgets: { wakesPerClient: 1, wakesPerInstance: 0 } })
    for (const instance of instances) expect((await ask(call(replica, instance, {}))).status).toBe(200)
  })
})

describe('an instance that bots have woken too often', () => {
  it('is woken by a person all the same, and then open to everybody', async () => {
    const { replica, instances } = await meet({ budgets: { wakesPerClient: 0, wakesPerInstance: 1 } })
    const [instance] = instances
    expect((await ask(call(replica, instance, from('198.51.100.1')))).status).toBe(200)
    await sleepAgain(replica, instance)
    expect((await ask(call(replica, instance, from('198.51.100.2')))).status).toBe(429)
    expect(await replica.metric('platxa_wake_over_budget_total', 'budget="wakes per instance"')).toBe(1)
    expect((await ask(call(replica, instance, from('203.0.113.9', click)))).status).toBe(200)
    expect((await ask(call(replica, instance, from('198.51.100.2')))).status).toBe(200)
  })
})

describe('places for open tabs', () => {
  it('are bounded per client, whose next tab is told to come later', async () => {
    const { replica, instances } = await meet({ park: { perClient: 1 } })
    const open = (address: string): WebSocket => {
      const headers = { host: instances[0]?.host ?? '', 'x-forwarded-for': address }
      const socket = new WebSocket(`ws://127.0.0.1:${replica.port}/websocket`, { headers })
      socket.on('error', () => undefined)
      onTestFinished(() => socket.terminate())
      return socket
    }
    await once(open('203.0.113.9'), 'open')
    const [, response] = await once(open('203.0.113.9'), 'unexpected-response')
    expect(response).toMatchObject({ statusCode: 503, headers: { 'retry-after': '60' } })
    await once(open('203.0.113.10'), 'open')
    expect(await replica.metric('platxa_wake_parked_sockets')).toBe(2)
    expect(await replica.metric('platxa_wake_over_budget_total', 'budget="parked per client"')).toBe(1)
    expect(await replica.metric('platxa_wake_sockets_total', 'outcome="refused"')).toBe(1)
  })
})
