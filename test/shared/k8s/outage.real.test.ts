// With a control plane of its own, to be stopped, paused and made to forget.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { connect, type ConnectOptions } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { type OwnControlPlane, ownControlPlane } from '#test/world/cluster.ts'
import { standStill } from '#test/world/stand-still.ts'

import { follow, remove, write } from './follower.ts'

let own: OwnControlPlane

beforeAll(async () => {
  own = await ownControlPlane()
})
afterAll(async () => {
  await own.end()
})

async function connected(limits: ConnectOptions['limits'] = {}): Promise<Kubernetes> {
  const kubernetes = await connect({ kubeconfig: own.kubeconfig, limits })
  onTestFinished(() => kubernetes.close())
  return kubernetes
}

async function namespaceWith(kubernetes: Kubernetes, ...names: readonly string[]): Promise<string> {
  const name = `outage-${Date.now().toString(36)}`
  const signal = AbortSignal.timeout(20_000)
  await kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { signal })
  for (const each of names) await write(kubernetes, name, each, '1')
  return name
}

async function synced(kubernetes: Kubernetes, namespace: string) {
  const follower = follow(kubernetes, namespace)
  await expect.poll(() => follower.syncs, { timeout: 10_000 }).toBe(1)
  return follower
}

describe('when the API server is restarted', () => {
  it('a watch is true again within seconds, and a call works at once', async () => {
    const kubernetes = await connected()
    const namespace = await namespaceWith(kubernetes, 'kept', 'removed')
    const follower = await synced(kubernetes, namespace)
    await own.restart()
    await write(kubernetes, namespace, 'kept', '2')
    await remove(kubernetes, namespace, 'removed')
    await expect.poll(() => Object.fromEntries(follower.copy), { timeout: 10_000 }).toEqual({ kept: '2' })
    expect(follower.faults.length).toBeLessThan(20)
  })

  it('and has lost everything, a watch shows that everything is gone', async () => {
    const kubernetes = await connected({ watchMs: 6_000 })
    const namespace = await namespaceWith(kubernetes, 'a', 'b', 'c')
    const follower = await synced(kubernetes, namespace)
    // the new one counts its versions from 1 again and keeps silent until it has come as far as the watch
    await own.restart(() => rm(join(own.dataDir, 'etcd'), { recursive: true }))
    await expect.poll(() => follower.copy.size, { timeout: 20_000 }).toBe(0)
  })

  it('calls meanwhile fail soon and say why', async () => {
    const kubernetes = await connected()
    await own.restart(async () => {
      const call = kubernetes.get(
        { apiVersion: 'v1', kind: 'Namespace', name: 'default' },
        { signal: AbortSignal.timeout(30_000) },
      )
      await expect(call).rejects.toMatchObject({ status: 0, reason: 'Unreachable', call: { verb: 'get' } })
      await expect(call).rejects.toThrow('ECONNREFUSED')
    })
  })
})

describe('when nothing happens', () => {
  it('a watch that ends without a word goes on where it was, and reads nothing again', async () => {
    const kubernetes = await connected({ watchMs: 6_000 })
    const namespace = await namespaceWith(kubernetes, 'a')
    const follower = await synced(kubernetes, namespace)
    await sleep(15_000)
    expect(follower.syncs).toBe(1)
    await write(kubernetes, namespace, 'a', '2')
    await expect.poll(() => follower.copy.get('a'), { timeout: 10_000 }).toBe('2')
  })
})

describe('when the API server stands still', () => {
  it('a call ends by its own limit, a watch by its silence, and both go on afterwards', async () => {
    const kubernetes = await connected({ callMs: 1_000, watchSilenceMs: 1_500, watchOpenMs: 1_000, connectMs: 1_000 })
    const namespace = await namespaceWith(kubernetes, 'a')
    const follower = await synced(kubernetes, namespace)
    const pid = own.pids()['kube-apiserver']
    if (pid === undefined) throw new Error('no API server')
    await standStill(pid)
    try {
      const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' }
      const call = kubernetes.get(ref, { signal: AbortSignal.timeout(20_000) })
      await expect(call).rejects.toMatchObject({ status: 0, reason: 'TimedOut' })
      await expect
        .poll(() => follower.faults.map(({ error }) => error.reason), { timeout: 10_000 })
        .toContain('TimedOut')
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await expect
      .poll(() => write(kubernetes, namespace, 'a', '2').then(() => 'written', String), { timeout: 10_000 })
      .toBe('written')
    await expect.poll(() => follower.copy.get('a'), { timeout: 10_000 }).toBe('2')
  })
})

describe('when etcd forgets the past', () => {
  it('a list that takes too long begins anew and still gives each object once', async () => {
    const kubernetes = await connected()
    const names = Array.from({ length: 6 }, (_, index) => `c${index}`)
    const namespace = await namespaceWith(kubernetes, ...names)
    const found: (string | undefined)[] = []
    const pages = kubernetes.list<{ metadata?: { name?: string } }>(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace },
      { limit: 2, signal: AbortSignal.timeout(30_000) },
    )
    for await (const item of pages) {
      found.push(item.metadata?.name)
      if (found.length === 2) {
        await own.restart(async () => undefined) // its cache of past lists goes too
        await write(kubernetes, namespace, 'c0', '2')
        await own.compact()
      }
    }
    expect(found).toEqual(names)
  })
})
