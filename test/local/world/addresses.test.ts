import type { Service } from 'kubernetes-types/core/v1.js'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js'
import { describe, expect, it } from 'vitest'
import { followAddresses, urlOf } from '#local/world/addresses.ts'
import type { Kubernetes, WatchEvent } from '#shared/k8s/kubernetes.ts'

const slice = (name: string, hosts: readonly string[], { ready = true, port = 'http' } = {}): EndpointSlice => ({
  addressType: 'IPv4',
  metadata: { name: `${name}-abc`, namespace: 'platxa', labels: { 'kubernetes.io/service-name': name } },
  endpoints: hosts.map((host) => ({ addresses: [host], conditions: { ready } })),
  ports: [
    { name: 'metrics', port: 9464 },
    { name: port, port: 8080 },
  ],
})
const service = (name: string): Service => ({
  metadata: { name, namespace: 'platxa' },
  spec: {
    ports: [
      { name: 'metrics', port: 9464 },
      { name: 'http', port: 80, targetPort: 8080 },
    ],
  },
})

function follow(events: readonly WatchEvent<EndpointSlice>[]) {
  const watching: Pick<Kubernetes, 'watch'> = {
    async *watch<T>() {
      yield* events as readonly WatchEvent<T>[]
    },
  }
  return followAddresses({
    kubernetes: watching as Kubernetes,
    services: [service('sleep')],
    signal: new AbortController().signal,
    onFault: () => {},
  })
}
const sleep = { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'sleep' } }

describe('addresses of the local cluster', () => {
  it('takes turns among the pods that are ready', async () => {
    const addresses = await follow([{ type: 'synced', objects: [slice('sleep', ['127.77.0.2', '127.77.0.3'])] }])
    const seen = [1, 2, 3, 4].map(() => addresses.resolve(sleep, 'platxa').address)
    expect(new Set(seen)).toEqual(new Set(['http://127.77.0.2:8080/', 'http://127.77.0.3:8080/']))
    expect(addresses.resolve(sleep, 'platxa').name).toBe('http://sleep.platxa.svc.cluster.local/')
  })

  it.each([
    ['nobody is ready', [{ type: 'synced', objects: [slice('sleep', ['127.77.0.2'], { ready: false })] }]],
    [
      'the Service has no port 80 there',
      [{ type: 'synced', objects: [slice('sleep', ['127.77.0.2'], { port: 'other' })] }],
    ],
    ['it belongs to another Service', [{ type: 'synced', objects: [slice('sleeper', ['127.77.0.2'])] }]],
  ] as const)('gives none when %s', async (_, events) => {
    const addresses = await follow(events as unknown as readonly WatchEvent<EndpointSlice>[])
    expect(addresses.resolve(sleep, 'platxa').address).toBeUndefined()
  })

  it('follows what changes', async () => {
    const addresses = await follow([
      { type: 'synced', objects: [slice('sleep', ['127.77.0.2'])] },
      { type: 'applied', object: slice('sleep', ['127.77.0.9']) },
    ])
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
