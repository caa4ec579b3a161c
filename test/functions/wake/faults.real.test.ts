// What goes wrong around a wake: pods that do not start, watches that break, processes that die.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WakeSettings } from '#functions/wake/wake.ts'
import { connect } from '#shared/k8s/connect.ts'
import { KubernetesError } from '#shared/k8s/errors.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { server, tokenOf } from '#test/world/cluster.ts'
import { startTcpProxy } from '#test/world/tcp-proxy.ts'
import { ask, browser, callOf, gate, until, type Ask } from './client.ts'
import type { Boot } from './node.ts'
import { startReplica, startWorld, type Instance, type InstanceOptions, type Replica } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

async function meet(
  options: InstanceOptions = {},
  settings: Partial<WakeSettings> = {},
): Promise<{ replica: Replica; instance: Instance }> {
  const replica = await startReplica(world.kubernetes, settings)
  const instance = await world.instance(options)
  await until(() => replica.wake.rooms.named(instance.name) !== undefined)
  return { replica, instance }
}

function visitOf(replica: Replica, { host }: Instance): Ask {
  return { port: replica.port, host, path: '/odoo', headers: browser }
}

function container(state: object, lastState: object = {}): object {
  return { name: 'odoo', image: 'odoo', imageID: '', ready: false, restartCount: 0, state, lastState }
}

/** A container that waits, for a reason. */
function waiting(reason: string, lastWords?: string): (boot: Boot) => Promise<void> {
  const state = { waiting: { reason, message: `because ${reason}` } }
  const lastState = lastWords === undefined ? {} : { terminated: { exitCode: 1, message: lastWords } }
  return ({ ip, say }) => say({ phase: 'Pending', podIP: ip, containerStatuses: [container(state, lastState)] })
}

describe('an instance that does not start', () => {
  it.each([
    ['ImagePullBackOff', 'image-pull', 'Its software cannot be fetched.'],
    ['CrashLoopBackOff', 'crash-loop', 'It starts and stops again at once.'],
    ['CreateContainerConfigError', 'configuration', 'A part of its configuration is missing.'],
    ['CrashLoopBackOff', 'database', 'Its database does not let it in.', 'FATAL:  role "odoo_demo" does not exist'],
  ])('tells people, clients and operators why: %s, %s', async (reason, code, sentence, lastWords?: string) => {
    const { replica, instance } = await meet()
    instance.odoo.instead = waiting(reason, lastWords)
    const held = ask(callOf(replica, instance))
    expect(await held).toMatchObject({ status: 503 })
    expect((await held).body).toContain(code)
    const page = await ask(visitOf(replica, instance))
    expect(page.status).toBe(503)
    expect(page.body).toContain(sentence)
    expect(page.body).not.toContain('because')
    expect(Number(page.headers['retry-after'])).toBeGreaterThan(20)
    expect(JSON.parse((await ask({ ...visitOf(replica, instance), path: '/.platxa/wake' })).body)).toMatchObject({
      state: 'failed',
      reason: code,
    })
    expect((await ask({ ...visitOf(replica, instance), path: '/web/health' })).status).toBe(503)
    await until(() => replica.events.length > 0)
    expect(replica.events).toMatchObject([{ type: 'io.platxa.instance.wake.failed.v1', data: { reason: code } }])
    await until(
      async () =>
        (await instance.read()).metadata?.annotations?.['platxa.io/why']?.startsWith('Could not be woken') ?? false,
    )
    expect(await replica.metric('platxa_wake_wakes_total', code)).toBe(1)
  })

  it('says so when its quota has no room, before anybody has waited long enough', async () => {
    const { replica, instance } = await meet({ quota: { pods: '0' } })
    const held = await ask(callOf(replica, instance))
    expect(held.status).toBe(503)
    expect(held.body).toContain('quota')
  })

  it('is given up after WAKE_TIMEOUT, rests, and is not woken by whoever comes meanwhile', async () => {
    const { replica, instance } = await meet({}, { wakeTimeoutMs: 700 })
    const start = gate()
    instance.odoo.beforeStart = start.opened
    const held = await ask(callOf(replica, instance))
    expect(held).toMatchObject({ status: 503 })
    expect(held.body).toContain('timeout')
    await instance.scale(0)
    await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'asleep')
    const patches = await replica.metric('platxa_wake_patches_total')
    expect((await ask(visitOf(replica, instance))).body).toContain('It was started but does not answer.')
    expect((await ask(callOf(replica, instance))).status).toBe(503)
    expect(await replica.metric('platxa_wake_patches_total')).toBe(patches)
    start.open()
  })

  it('is waited for while no node has a place for it, and the page says so', async () => {
    const { replica, instance } = await meet()
    const ref = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: instance.namespace,
      name: `odoo-${instance.name}`,
    }
    const patch = (selector: string): Promise<unknown> =>
      world.kubernetes.patch(
        ref,
        { spec: { template: { spec: { nodeSelector: { 'platxa.io/test-node': selector } } } } },
        { type: 'merge', signal: AbortSignal.timeout(30_000) },
      )
    await patch('nowhere')
    const held = ask(callOf(replica, instance))
    await until(async () => (await ask(visitOf(replica, instance))).body.includes('There is no free capacity'))
    await patch(world.node.name)
    expect((await held).status).toBe(200)
  })

  it('is waited for while its volume cannot be attached, and the page says so as soon as it is known', async () => {
    const { replica, instance } = await meet()
    const { namespace } = instance
    let attach = (): void => undefined
    const attached = new Promise<void>((resolve) => (attach = resolve))
    instance.odoo.instead = async ({ ip, say }) => {
      await say({
        phase: 'Pending',
        podIP: ip,
        containerStatuses: [container({ waiting: { reason: 'ContainerCreating' } })],
      })
      const pods = { apiVersion: 'v1', kind: 'Pod', namespace }
      const [pod] = await Array.fromAsync(world.kubernetes.list<Pod>(pods, { signal: AbortSignal.timeout(30_000) }))
      const { name, uid } = pod?.metadata ?? {}
      await world.kubernetes.create(
        {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name: `${name}.1`, namespace },
          involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
          reason: 'FailedAttachVolume',
          message: 'Multi-Attach error for volume "pvc-1"',
          type: 'Warning',
        },
        { signal: AbortSignal.timeout(30_000) },
      )
      await attached
      await say({ phase: 'Running', podIP: ip, containerStatuses: [container({ running: {} })] })
    }
    const page = ask(visitOf(replica, instance))
    expect((await page).body).toContain('Waking up')
    await until(async () => (await ask(visitOf(replica, instance))).body.includes('Its storage cannot be attached.'))
    const progress = JSON.parse((await ask({ ...visitOf(replica, instance), path: '/.platxa/wake' })).body)
    expect(progress).toMatchObject({ state: 'waking', reason: 'volume' })
    expect(progress.message).toContain('Your data is not affected.')
    attach()
    await until(() => replica.wake.rooms.named(instance.name)?.room.world.trouble === null)
  })

  it('opens by itself when it gets ready after all', async () => {
    const { replica, instance } = await meet()
    instance.odoo.instead = waiting('CrashLoopBackOff')
    expect((await ask(callOf(replica, instance))).status).toBe(503)
    instance.odoo.instead = undefined
    const pods = { apiVersion: 'v1', kind: 'Pod', namespace: instance.namespace }
    for await (const pod of world.kubernetes.list<{ metadata: { name: string } }>(pods, {
      signal: AbortSignal.timeout(30_000),
    })) {
      await world.kubernetes.delete({ ...pods, name: pod.metadata.name }, { signal: AbortSignal.timeout(30_000) })
    }
    await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'awake', 20_000)
    expect((await ask(callOf(replica, instance))).status).toBe(200)
  })
})

describe('an instance that must not be woken', () => {
  it.each([
    ['suspended', 402, 'This site is paused'],
    ['disabled', 404, 'There is nothing here'],
    ['a word nobody knows', 404, 'There is nothing here'],
  ])('is closed to everybody: %s', async (status, code, title) => {
    const { replica, instance } = await meet({ status: status.replaceAll(' ', '-') })
    const page = await ask(visitOf(replica, instance))
    expect(page).toMatchObject({ status: code, headers: { 'cache-control': 'no-store' } })
    expect(page.body).toContain(title)
    expect((await ask(callOf(replica, instance))).status).toBe(code)
    await sleep(200)
    expect((await instance.read()).spec?.replicas).toBe(0)
  })
})

describe('an instance whose process stops while it is in use', () => {
  it('is waited for: what was not sent is sent when it listens again', async () => {
    const { replica, instance } = await meet()
    expect((await ask(callOf(replica, instance))).status).toBe(200)
    const entry = replica.wake.rooms.named(instance.name)
    await until(() => entry?.room.world.pod?.ready === true)
    await instance.odoo.restart?.(400)
    const got = await ask(callOf(replica, instance))
    expect(got.status).toBe(200)
    expect(instance.odoo.boots).toBe(1)
    expect(await replica.metric('platxa_wake_patches_total')).toBe(1)
  })
})

describe('a PATCH whose answer is lost', () => {
  it('is not made again when the wake is seen to be under way: late, it would wake who has been put to sleep since', async () => {
    const lost = gate()
    let patches = 0
    const kubernetes: Kubernetes = {
      ...world.kubernetes,
      async scale(ref, replicas, options) {
        patches += 1
        await world.kubernetes.scale(ref, replicas, options)
        await lost.opened
        const call = { verb: 'patch', resource: 'deployments' }
        throw new KubernetesError({ status: 0, reason: 'Unreachable', message: 'the connection was cut', call })
      },
    }
    const replica = await startReplica(kubernetes)
    const instance = await world.instance()
    await until(() => replica.wake.rooms.named(instance.name) !== undefined)
    expect((await ask(callOf(replica, instance))).status).toBe(200)
    await instance.scale(0)
    await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'asleep')
    lost.open()
    await sleep(1_000)
    expect([patches, (await instance.read()).spec?.replicas, instance.odoo.boots]).toEqual([1, 0, 1])
  })
})

describe('a replica whose watches break', () => {
  it('serves what is awake, wakes what sleeps as soon as it can, and has missed nothing', async () => {
    const { server: url, ca } = await server()
    const { hostname, port } = new URL(url)
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
    const token = await tokenOf('kube-system', 'wake-test')
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'wake-test' },
    }
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }
    const subjects = [{ kind: 'ServiceAccount', name: 'wake-test', namespace: 'kube-system' }]
    await world.kubernetes.apply(
      { ...binding, roleRef, subjects },
      { fieldManager: 'test', signal: AbortSignal.timeout(30_000) },
    )
    const kubernetes = await connect({ server: `https://127.0.0.1:${proxy.port}`, ca, token })
    const replica = await startReplica(kubernetes)
    const awake = await world.instance()
    const sleeper = await world.instance()
    await until(() => [awake, sleeper].every(({ name }) => replica.wake.rooms.named(name) !== undefined))
    expect((await ask(callOf(replica, awake))).status).toBe(200)
    proxy.on = false
    proxy.cut()
    const held = ask(callOf(replica, sleeper))
    expect((await ask(callOf(replica, awake))).status).toBe(200)
    const newcomer = await world.instance()
    await sleep(700)
    proxy.on = true
    expect((await held).status).toBe(200)
    await until(() => replica.wake.rooms.named(newcomer.name) !== undefined)
    expect((await ask(callOf(replica, newcomer))).status).toBe(200)
    expect([sleeper.odoo.boots, newcomer.odoo.boots]).toEqual([1, 1])
    await kubernetes.close()
    await proxy.close()
  })
})
