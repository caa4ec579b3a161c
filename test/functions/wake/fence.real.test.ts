// The whole fence: the real sleep function, real wake replicas that come, go, hang and die, and a real API server between them.
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { addresses } from '#test/world/addresses.ts'
import { testNamespace } from '#test/world/cluster.ts'
import { standStill } from '#test/world/stand-still.ts'
import { tenantlessSleep } from '#test/world/tenantless-sleep.ts'
import { createPod } from '#test/world/wake-replica.ts'
import { ask, callOf, gate, until, type Ask } from './client.ts'
import { startProcess, type Process } from './process.ts'
import { startReplica, startWorld, type Instance, type Replica } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** Where replicas live: each its own address, all with one control port. */
interface House {
  readonly namespace: string
  readonly controlPort: number
  readonly address: () => string
}

interface Told {
  readonly type: string | null
  readonly data: { readonly veto?: string }
}

async function firstReplica(): Promise<{ house: House; replica: Replica }> {
  const address = addresses()
  const replica = await startReplica(world.kubernetes, {}, { host: address(), controlPort: 0 })
  const house = { namespace: await testNamespace('wake'), controlPort: replica.controlPort, address }
  await announce(house, replica.host)
  return { house, replica }
}

/** From now on sleep asks it too. */
async function announce({ namespace }: House, address: string): Promise<void> {
  await createPod({ kubernetes: world.kubernetes, namespace, name: podName(address), address })
}

function podName(address: string): string {
  return `wake-${address.replaceAll('.', '-')}`
}

async function secondReplica(house: House): Promise<Replica> {
  const at = { host: house.address(), controlPort: house.controlPort }
  const replica = await startReplica(world.kubernetes, {}, at)
  await announce(house, at.host)
  return replica
}

async function secondProcess(house: House): Promise<Process & { readonly address: string }> {
  const address = house.address()
  const settings = { HOST: address, CONTROL_PORT: `${house.controlPort}`, FENCE_TTL: '2s' }
  const replica = await startProcess(settings)
  await announce(house, address)
  return { ...replica, address }
}

/** Awake, and as idle as an instance can be in a test. */
async function awake({ wake, host, port }: Replica): Promise<{ instance: Instance; call: Ask }> {
  const instance = await world.instance()
  instance.odoo.readyMs = 0
  await until(() => wake.rooms.named(instance.name) !== undefined)
  const call = { ...callOf({ port }, instance), address: host }
  expect((await ask(call)).status).toBe(200)
  instance.odoo.got.length = 0
  instance.odoo.bodies.length = 0
  // What wake writes about a wake would be a conflict.
  await until(
    async () => (await instance.read()).metadata?.annotations?.['platxa.io/why']?.startsWith('Awake since') ?? false,
  )
  await sleep(100)
  return { instance, call }
}

interface Asked {
  readonly controlTimeoutMs?: number
  readonly fenceTtlMs?: number
  readonly kubernetes?: Kubernetes
}

async function fallAsleep(instance: Instance, house: House, asked: Asked = {}): Promise<Told> {
  const { controlTimeoutMs = 10_000, fenceTtlMs = 10_000, kubernetes = world.kubernetes } = asked
  const { namespace, controlPort: port } = house
  const replicas = { namespace, port, controlTimeoutMs }
  const app = tenantlessSleep({ kubernetes, replicas, idleTimeoutMs: 50, fenceTtlMs })
  const { name } = instance
  const deploymentUid = (await instance.read()).metadata?.uid ?? ''
  const evidence = { replicas: 1, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 1 }
  const data = { name, lastActivityAt: '2026-11-23T12:00:00Z', idleSeconds: 1, deploymentUid, evidence }
  const id = randomBytes(8).toString('hex')
  const event = makeEvent({ type: 'io.platxa.instance.idle.detected.v1', source: '//test', id, data })
  const { headers, body } = encodeEvent(event)
  const answer = await app.request('/', { method: 'POST', headers, body: body ?? null })
  const text = await answer.text()
  return { type: answer.headers.get('ce-type'), data: text === '' ? {} : JSON.parse(text) }
}

/** Asked again as the scanner does it. */
async function fallsAsleep(instance: Instance, house: House): Promise<void> {
  const answer = async (): Promise<string | null> => (await fallAsleep(instance, house)).type
  await expect.poll(answer, { timeout: 60_000, interval: 200 }).toBe('io.platxa.instance.slept.v1')
}

const declined = (veto: string): object => ({ type: 'io.platxa.instance.sleep.declined.v1', data: { veto } })

describe('with two replicas', () => {
  it('an idle instance falls asleep, and the next request wakes it through either of them', async () => {
    const { house, replica } = await firstReplica()
    const second = await secondReplica(house)
    for (const through of [replica, second]) {
      const { instance, call } = await awake(replica)
      await until(() => second.wake.rooms.named(instance.name)?.room.life.is === 'awake')
      await fallsAsleep(instance, house)
      expect((await ask({ ...call, port: through.port, address: through.host })).status).toBe(200)
      expect(instance.odoo.boots).toBe(2)
      expect(instance.odoo.got).toHaveLength(1)
    }
  })

  it('a request that the other one has in flight keeps the instance awake, and lifts the fence of both', async () => {
    const { house, replica } = await firstReplica()
    const second = await secondReplica(house)
    const { instance, call } = await awake(replica)
    const answered = gate()
    instance.odoo.respond = () => ({ status: 200, body: 'slow', after: answered.opened })
    const slow = ask({ ...call, port: second.port, address: second.host })
    await until(() => instance.odoo.got.length === 1)
    expect(await fallAsleep(instance, house)).toMatchObject(declined('request-in-flight'))
    answered.open()
    for (const { wake } of [replica, second]) expect(wake.rooms.named(instance.name)?.room.fence).toBeNull()
    expect((await slow).body).toBe('slow')
    expect(instance.odoo.boots).toBe(1)
  })

  it('an upload that is under way keeps the instance awake, and arrives whole', async () => {
    const { house, replica } = await firstReplica()
    const { instance, call } = await awake(replica)
    const piece = 'x'.repeat(64 * 1024)
    const upload = request({
      ...call,
      host: call.address,
      headers: { host: call.host, 'transfer-encoding': 'chunked' },
    })
    const status = new Promise((resolve, reject) =>
      upload.on('error', reject).on('response', (response) => resolve(response.resume().statusCode)),
    )
    upload.write(piece)
    await until(() => instance.odoo.got.length === 1)
    expect(await fallAsleep(instance, house)).toMatchObject(declined('request-in-flight'))
    upload.write(piece)
    expect(await fallAsleep(instance, house)).toMatchObject(declined('request-in-flight'))
    upload.end(piece)
    expect(await status).toBe(200)
    expect(instance.odoo.bodies.at(-1)).toHaveLength(3 * piece.length)
  })
})

describe('replicas that come and go', () => {
  it('one that has just come and does not answer yet keeps the instance awake, and the fence of the other is lifted', async () => {
    const { house, replica } = await firstReplica()
    const { instance } = await awake(replica)
    await announce(house, house.address())
    expect(await fallAsleep(instance, house)).toMatchObject(declined('replica-silent'))
    expect(replica.wake.rooms.named(instance.name)?.room.fence).toBeNull()
  })

  it('one that was killed with its fence up is no longer asked when its pod is gone, and loses nobody elsewhere', async () => {
    const { house, replica } = await firstReplica()
    const second = await secondProcess(house)
    const { instance, call } = await awake(replica)
    await raise(second.address, house, instance)
    second.child.kill('SIGKILL')
    await second.exited
    expect(await fallAsleep(instance, house)).toMatchObject(declined('replica-silent'))
    expect((await ask(call)).status).toBe(200)
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace: house.namespace, name: podName(second.address) }
    await world.kubernetes.delete(pod, { gracePeriodSeconds: 0, signal: AbortSignal.timeout(10_000) })
    await sleep(100)
    await fallsAsleep(instance, house)
    expect((await ask(call)).status).toBe(200)
  })
})

describe('a replica that hangs', () => {
  it('keeps the instance awake; the fence that it raises too late expires by itself', async () => {
    const { house, replica } = await firstReplica()
    const second = await secondProcess(house)
    const { instance, call } = await awake(replica)
    const through = { ...call, port: second.port, address: second.address }
    expect((await ask(through)).status).toBe(200)
    await standStill(second.child.pid)
    expect(await fallAsleep(instance, house, { controlTimeoutMs: 300 })).toMatchObject(declined('replica-silent'))
    expect((await ask(call)).status).toBe(200)
    second.child.kill('SIGCONT')
    expect((await ask(through)).status).toBe(200)
    expect(instance.odoo.boots).toBe(1)
  })
})

describe('sleep that is killed with the fence up', () => {
  it('leaves fences that expire by themselves: who waited is let in, and the instance was never scaled', async () => {
    const { house, replica } = await firstReplica()
    const { instance, call } = await awake(replica)
    let scaled = false
    // It has looked behind the fence, and then it is no more.
    const kubernetes: Kubernetes = { ...world.kubernetes, scale: () => new Promise(() => (scaled = true)) }
    void fallAsleep(instance, house, { kubernetes, fenceTtlMs: 4_000 })
    await until(() => scaled)
    const from = performance.now()
    expect((await ask(call)).status).toBe(200)
    expect(performance.now() - from).toBeGreaterThan(200)
    expect((await instance.read()).spec?.replicas).toBe(1)
    expect(instance.odoo.boots).toBe(1)
  })
})

describe('a Deployment that somebody changes while sleep looks', () => {
  it('is not scaled (409), stays awake, and who waited is let in at once', async () => {
    const { house, replica } = await firstReplica()
    const { instance, call } = await awake(replica)
    let held: Promise<{ status: number }> | undefined
    const kubernetes: Kubernetes = {
      ...world.kubernetes,
      async scale(ref, replicas, options) {
        held = ask(call)
        const patch = { metadata: { annotations: { 'example.com/changed': 'meanwhile' } } }
        await world.kubernetes.patch(ref, patch, { type: 'merge', signal: AbortSignal.timeout(10_000) })
        return world.kubernetes.scale(ref, replicas, options)
      },
    }
    expect(await fallAsleep(instance, house, { kubernetes })).toMatchObject(declined('changed-meanwhile'))
    expect((await held)?.status).toBe(200)
    expect((await instance.read()).spec?.replicas).toBe(1)
    expect(instance.odoo.boots).toBe(1)
  })
})

describe('a Deployment whose controller writes its status while sleep looks', () => {
  it('is scaled all the same: that says of nobody that they want it awake', async () => {
    const { house, replica } = await firstReplica()
    const { instance } = await awake(replica)
    let times = 0
    const kubernetes: Kubernetes = {
      ...world.kubernetes,
      async scale(ref, replicas, options) {
        times += 1
        const condition = { type: 'Progressing', status: 'True', reason: `Written${times}` }
        const status = { type: 'merge', subresource: 'status', signal: AbortSignal.timeout(10_000) } as const
        if (times < 3) await world.kubernetes.patch(ref, { status: { conditions: [condition] } }, status)
        return world.kubernetes.scale(ref, replicas, options)
      },
    }
    const { type } = await fallAsleep(instance, house, { kubernetes })
    expect(type).toBe('io.platxa.instance.slept.v1')
    // The real controller takes what was written here back, at a moment of its own: that may be one time more.
    expect(times).toBeGreaterThanOrEqual(3)
    expect((await instance.read()).spec?.replicas).toBe(0)
  })
})

describe('a sleeper that is woken while it terminates', () => {
  it('gets the request with its next pod: not one is lost, not one comes twice', async () => {
    const { house, replica } = await firstReplica()
    const { instance, call } = await awake(replica)
    await fallsAsleep(instance, house)
    const answers = await Promise.all([1, 2, 3].map((i) => ask({ ...call, body: `"${i}"` })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(instance.odoo.bodies.toSorted()).toEqual(['"1"', '"2"', '"3"'])
    expect(instance.odoo.boots).toBe(2)
  })
})

async function raise(address: string, { controlPort }: House, { name }: Instance): Promise<void> {
  const body = JSON.stringify({ ttlMs: 2_000 })
  const headers = { 'content-type': 'application/json' }
  const fence = `http://${address}:${controlPort}/instances/${name}/fence`
  await until(async () => (await fetch(fence, { method: 'POST', body, headers })).status === 200)
}
