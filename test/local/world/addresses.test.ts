import type { Pod, Service } from 'kubernetes-types/core/v1.js'
import { describe, expect, it } from 'vitest'
import { followAddresses, urlOf } from '#local/world/addresses.ts'
import type { Kubernetes, WatchEvent } from '#shared/k8s/kubernetes.ts'

interface Told {
  readonly app?: string
  readonly namespace?: string
  readonly ready?: boolean
  readonly ending?: boolean
}

function pod(ip: string, { app = 'sleep', namespace = 'platxa', ready = true, ending = false }: Told = {}): Pod {
  return {
    metadata: { name: `pod-${ip}`, namespace, labels: { app }, ...(ending && { deletionTimestamp: 'now' }) },
    spec: { containers: [{ name: 'c', ports: [{ name: 'events', containerPort: 8081 }] }] },
    status: { podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

const service = (name: string, targetPort: number | string): Service => ({
  metadata: { name, namespace: 'platxa' },
  spec: {
    selector: { app: 'sleep' },
    ports: [
      { name: 'metrics', port: 9464 },
      { name: 'http', port: 80, targetPort },
    ],
  },
})

function follow(...events: readonly WatchEvent<Pod>[]) {
  const watching: Pick<Kubernetes, 'watch'> = {
    async *watch<T>() {
      yield* events as readonly WatchEvent<T>[]
    },
  }
  return followAddresses({
    kubernetes: watching as Kubernetes,
    services: [service('sleep', 8080), service('by-name', 'events')],
    signal: new AbortController().signal,
    onFault: () => {},
  })
}
const all = (...objects: readonly Pod[]): WatchEvent<Pod> => ({ type: 'synced', objects })
const sleep = { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'sleep' } }

describe('addresses of the local cluster', () => {
  it('takes turns among the pods that are ready', async () => {
    const addresses = await follow(all(pod('127.77.0.2'), pod('127.77.0.3')))
    const seen = [1, 2, 3, 4].map(() => addresses.resolve(sleep, 'platxa').address)
    expect(new Set(seen)).toEqual(new Set(['http://127.77.0.2:8080/', 'http://127.77.0.3:8080/']))
    expect(addresses.resolve(sleep, 'platxa').name).toBe('http://sleep.platxa.svc.cluster.local/')
  })

  it.each([
    ['is not ready', pod('127.77.0.2', { ready: false })],
    ['is ending', pod('127.77.0.2', { ending: true })],
    ['is another app', pod('127.77.0.2', { app: 'other' })],
    ['lives in another namespace', pod('127.77.0.2', { namespace: 'instance-a' })],
  ])('leaves out a pod that %s', async (_, other) => {
    const addresses = await follow(all(other))
    expect(addresses.resolve(sleep, 'platxa').address).toBeUndefined()
  })

  it('finds a port by the name that the container gives it', async () => {
    const addresses = await follow(all(pod('127.77.0.2')))
    expect(addresses.ready('platxa', 'by-name')).toEqual([{ host: '127.77.0.2', port: 8081 }])
    expect(addresses.ready('platxa', 'unknown')).toEqual([])
  })

  it('follows what changes', async () => {
    const addresses = await follow(
      all(pod('127.77.0.2'), pod('127.77.0.3')),
      { type: 'applied', object: pod('127.77.0.2', { ready: false }) },
      { type: 'deleted', object: pod('127.77.0.3') },
      { type: 'applied', object: pod('127.77.0.9') },
    )
    await expect.poll(() => addresses.ready('platxa', 'sleep')).toEqual([{ host: '127.77.0.9', port: 8080 }])
  })

  it.each([
    [sleep, 'http://sleep.platxa.svc.cluster.local/'],
    [{ ...sleep, uri: '/events' }, 'http://sleep.platxa.svc.cluster.local/events'],
    [{ ref: { ...sleep.ref, namespace: 'other' } }, 'http://sleep.other.svc.cluster.local/'],
    [{ uri: 'http://example.org/in' }, 'http://example.org/in'],
  ])('reads %j as Knative does', (destination, url) => {
    expect(urlOf(destination, 'platxa').href).toBe(url)
  })
})
