import { describe, expect, it, onTestFinished } from 'vitest'

import { connect } from '#shared/k8s/connect.ts'
import { isForbidden } from '#shared/k8s/errors.ts'
import type { Kubernetes, Manifest } from '#shared/k8s/kubernetes.ts'
import type { Limits } from '#shared/k8s/limits.ts'
import { allow, asServiceAccount, cluster, server, testNamespace, tokenOf } from '#test/world/cluster.ts'
import { openHttpDoor } from '#test/world/http-door.ts'
import { startTcpProxy } from '#test/world/tcp-proxy.ts'

import { follow, remove, write } from './follower.ts'

const FOLLOW = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }]
const soon = { timeout: 30_000, interval: 10 }

/** A namespace with a service account that may follow its ConfigMaps. */
async function scene() {
  const admin = await cluster()
  const namespace = await testNamespace()
  await allow(namespace, 'follower', FOLLOW)
  const token = await tokenOf(namespace, 'follower')
  return { admin, namespace, token }
}

async function throughProxy(token: string, limits: Partial<Limits> = {}) {
  const { server: url, ca } = await server()
  const { hostname, port } = new URL(url)
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  const kubernetes = await connect({ server: `https://127.0.0.1:${proxy.port}`, ca, token, limits })
  onTestFinished(async () => {
    await kubernetes.close()
    await proxy.close()
  })
  return { proxy, kubernetes }
}

async function throughDoor(token: string, limits: Partial<Limits> = {}) {
  const door = await openHttpDoor(await server())
  const kubernetes = await connect({ server: door.url, token, limits })
  onTestFinished(async () => {
    await kubernetes.close()
    await door.close()
  })
  return { door, kubernetes }
}

async function synced(kubernetes: Kubernetes, namespace: string) {
  const follower = follow(kubernetes, namespace)
  await expect.poll(() => follower.syncs, soon).toBe(1)
  return follower
}

/** Synced, and past the moment between the list and the opening of the stream. */
async function open(kubernetes: Kubernetes, namespace: string) {
  const follower = await synced(kubernetes, namespace)
  await write(await cluster(), namespace, 'first', '1')
  await expect.poll(() => follower.copy.has('first'), soon).toBe(true)
  return follower
}

describe('a watch', () => {
  it('keeps of each object only what it is told to keep, also where the list comes in pages', async () => {
    const { admin, namespace, token } = await scene()
    for (const name of ['a', 'b', 'c']) await write(admin, namespace, name, '1')
    const { kubernetes } = await throughProxy(token)
    const ending = new AbortController()
    const kept: string[][] = []
    const pick = ({ metadata }: Manifest): string => metadata?.name ?? ''
    const options = { pick, limit: 2, signal: ending.signal }
    for await (const event of kubernetes.watch({ apiVersion: 'v1', kind: 'ConfigMap', namespace }, options)) {
      kept.push(event.type === 'synced' ? event.objects.filter((name) => name.length === 1) : [event.object])
      if (kept.length === 1) await remove(admin, namespace, 'b')
      else ending.abort()
    }
    expect(kept).toEqual([['a', 'b', 'c'], ['b']])
  })

  it('starts with all there is, then tells each change', async () => {
    const { admin, namespace, token } = await scene()
    await write(admin, namespace, 'before', '1')
    const { kubernetes } = await throughProxy(token)
    const follower = await synced(kubernetes, namespace)
    expect([...follower.copy]).toEqual([['before', '1']])
    await write(admin, namespace, 'after', '1')
    await write(admin, namespace, 'after', '2')
    await remove(admin, namespace, 'before')
    await expect.poll(() => [...follower.copy], soon).toEqual([['after', '2']])
    expect(follower.events).toEqual(['synced', 'applied', 'applied', 'deleted'])
  })

  it('ends quietly by its signal', async () => {
    const { namespace, token } = await scene()
    const { kubernetes, proxy } = await throughProxy(token)
    const follower = await synced(kubernetes, namespace)
    follower.stop()
    await follower.ended
    await expect.poll(() => proxy.open, soon).toBeLessThanOrEqual(1) // the call's connection may be kept, the watch's not
  })

  it('ends quietly by close', async () => {
    const { namespace, token } = await scene()
    const { kubernetes } = await throughProxy(token)
    const follower = await synced(kubernetes, namespace)
    await kubernetes.close()
    await follower.ended
  })

  it('says at once that it is not allowed, rather than trying for ever', async () => {
    const namespace = await testNamespace()
    const nobody = await asServiceAccount(namespace, 'nobody')
    const error: unknown = await follow(nobody, namespace).ended.catch((thrown: unknown) => thrown)
    expect(isForbidden(error)).toBe(true)
    expect(error).toMatchObject({ call: { verb: 'list', resource: 'configmaps', namespace } })
  })

  it('takes one connection, and leaves room for calls however many there are', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, proxy } = await throughProxy(token)
    const followers = Array.from({ length: 24 }, () => follow(kubernetes, namespace))
    await expect.poll(() => followers.every(({ syncs }) => syncs === 1), soon).toBe(true)
    await write(admin, namespace, 'seen-by-all', '1')
    await expect.poll(() => followers.every(({ copy }) => copy.has('seen-by-all')), soon).toBe(true)
    const kind = { apiVersion: 'v1', kind: 'ConfigMap', namespace }
    const first = await kubernetes.list(kind, { signal: AbortSignal.timeout(30_000) }).next()
    expect(first.done).toBe(false)
    expect(proxy.open).toBeLessThanOrEqual(24 + 16)
  })
})

describe('a watch goes on after', () => {
  it('the server ended it as it does after a while, without listing again', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, door } = await throughDoor(token, { watchMs: 1_000 })
    const follower = await synced(kubernetes, namespace)
    const watches = () => door.requests.filter((line) => line.includes('watch=true')).length
    await expect.poll(watches, { timeout: 15_000 }).toBeGreaterThan(3)
    await write(admin, namespace, 'later', '1')
    await expect.poll(() => follower.copy.has('later'), soon).toBe(true)
    expect(follower.syncs).toBe(1)
    expect(follower.faults).toEqual([])
  })

  it('a reset, with what was written meanwhile and nothing else', async () => {
    const { admin, namespace, token } = await scene()
    await write(admin, namespace, 'kept', '1')
    await write(admin, namespace, 'removed', '1')
    const { kubernetes, proxy } = await throughProxy(token)
    const follower = await synced(kubernetes, namespace)
    await write(admin, namespace, 'kept', 'seen')
    await expect.poll(() => follower.copy.get('kept'), soon).toBe('seen')
    proxy.on = false
    proxy.cut()
    await write(admin, namespace, 'kept', '2')
    await write(admin, namespace, 'new', '1')
    await remove(admin, namespace, 'removed')
    await expect.poll(() => follower.faults.length, soon).toBeGreaterThan(2)
    proxy.on = true
    await expect.poll(() => Object.fromEntries(follower.copy), soon).toEqual({ kept: '2', new: '1' })
    expect(follower.events).toEqual(['synced', 'applied', 'applied', 'applied', 'deleted']) // nothing twice
  })

  it('many resets in a row, each time at once', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, proxy } = await throughProxy(token)
    const follower = await synced(kubernetes, namespace)
    for (let round = 1; round <= 10; round++) {
      proxy.cut()
      await write(admin, namespace, 'counter', String(round))
      await expect.poll(() => follower.copy.get('counter'), { timeout: 30_000, interval: 5 }).toBe(String(round))
    }
    expect(Math.max(...follower.faults.map(({ retryInMs }) => retryInMs))).toBeLessThan(200)
  })

  it('an end in the middle of a line', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, door } = await throughDoor(token)
    const follower = await open(kubernetes, namespace)
    door.cutMidLine()
    await write(admin, namespace, 'a', '1')
    await expect.poll(() => follower.copy.has('a'), soon).toBe(true)
    expect(follower.syncs).toBe(1)
  })

  it('silence on a connection that stays open', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, proxy } = await throughProxy(token, { watchSilenceMs: 1_500 })
    const follower = await open(kubernetes, namespace)
    proxy.freeze()
    await write(admin, namespace, 'unheard', '1')
    await expect.poll(() => follower.copy.has('unheard'), { timeout: 10_000 }).toBe(true)
    expect(follower.faults.map(({ error }) => error.reason)).toContain('TimedOut')
  })

  it('410 Gone, as an answer and in the stream, by listing again', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, door } = await throughDoor(token)
    const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
    const follower = await synced(kubernetes, namespace)
    door.answer(/watch=true/, { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: gone })}\n` })
    door.endAll()
    await expect.poll(() => follower.syncs, soon).toBe(2)
    door.answer(/watch=true/, { status: 410, body: JSON.stringify(gone) })
    door.endAll()
    await expect.poll(() => follower.syncs, soon).toBe(3)
    await write(admin, namespace, 'a', '1')
    await expect.poll(() => follower.copy.has('a'), soon).toBe(true)
  })

  it('answers of a server in trouble, listing or watching', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, door } = await throughDoor(token)
    const [broken, full] = [{ status: 500 }, { status: 429, headers: { 'retry-after': '0' } }]
    door.answer(/configmaps\?(?!.*watch)/, broken, full, { status: 503 }, 'reset', 'reset', { status: 200, body: '{' })
    door.answer(/watch=true/, broken, { status: 504 }, full, { status: 502, body: '<html>' }, 'reset')
    const follower = follow(kubernetes, namespace)
    await write(admin, namespace, 'a', '1')
    await expect.poll(() => follower.copy.has('a'), { timeout: 20_000 }).toBe(true)
    await write(admin, namespace, 'b', '1')
    await expect.poll(() => follower.copy.has('b'), { timeout: 20_000 }).toBe(true)
  })

  it('lost rights come back', async () => {
    const { admin, namespace, token } = await scene()
    const { kubernetes, door } = await throughDoor(token)
    const follower = await synced(kubernetes, namespace)
    door.answer(/watch=true/, { status: 403 }, { status: 401 }, { status: 401 })
    door.endAll()
    await write(admin, namespace, 'a', '1')
    await expect.poll(() => follower.copy.has('a'), soon).toBe(true)
    expect(follower.faults.map(({ error }) => error.status)).toEqual([403, 401])
  })
})

it('asks a server in trouble again and again, with longer and longer pauses', async () => {
  const { namespace, token } = await scene()
  const { kubernetes, door } = await throughDoor(token)
  const follower = await synced(kubernetes, namespace)
  door.answer(/./, ...Array.from({ length: 50 }, () => ({ status: 503 })))
  door.endAll()
  await expect.poll(() => follower.faults.length, { timeout: 10_000 }).toBeGreaterThan(5)
  const waits = follower.faults.map(({ retryInMs }) => retryInMs)
  expect(waits.slice(0, 5).reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(500)
  expect(waits[4] ?? 0).toBeGreaterThan(waits[0] ?? Infinity)
})

it('waits as long as a full server asks, within reason', async () => {
  const { namespace, token } = await scene()
  const { kubernetes, door } = await throughDoor(token)
  const follower = await synced(kubernetes, namespace)
  const full = (seconds: number) => {
    const status = { kind: 'Status', code: 503, reason: 'ServiceUnavailable', details: { retryAfterSeconds: seconds } }
    return { status: 503, body: JSON.stringify(status) }
  }
  door.answer(/watch=true/, full(1), full(3_600))
  door.endAll()
  await expect.poll(() => follower.faults.map(({ retryInMs }) => retryInMs), soon).toEqual([1_000, 10_000])
})
