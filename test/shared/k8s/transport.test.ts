// HTTP itself: what a real API server cannot be made to do on demand.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'

import { describe, expect, it, onTestFinished } from 'vitest'

import { connect } from '#shared/k8s/connect.ts'
import { KubernetesError } from '#shared/k8s/errors.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Limits } from '#shared/k8s/limits.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, nth: number) => void

interface Scene {
  readonly kubernetes: Kubernetes
  readonly requests: readonly string[]
  readonly sockets: () => number
}

async function serving(handler: Handler, limits: Partial<Limits> = {}, path = ''): Promise<Scene> {
  const requests: string[] = []
  let sockets = 0
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handler(request, response, requests.length)
  })
  server.on('connection', () => sockets++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const kubernetes = await connect({ server: `http://127.0.0.1:${address.port}${path}`, token: 'the-token', limits })
  onTestFinished(async () => {
    await kubernetes.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { kubernetes, requests, sockets: () => sockets }
}

const json = (response: ServerResponse, status: number, body: object, headers = {}) =>
  response.writeHead(status, headers).end(JSON.stringify(body))
const { signal } = new AbortController()
const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'n', name: 'a' }
const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'n', name: 'a' } }

describe('a call', () => {
  it('shares few connections with all others', async () => {
    const { kubernetes, sockets } = await serving((_, response) => setTimeout(() => json(response, 200, object), 5))
    await Promise.all(Array.from({ length: 200 }, () => kubernetes.get(ref, { signal })))
    expect(sockets()).toBeLessThanOrEqual(16)
  })

  it('carries token, kind of body and the path in front of all paths', async () => {
    let headers: IncomingMessage['headers'] = {}
    const handler: Handler = (request, response) => {
      headers = request.headers
      json(response, 200, object)
    }
    const { kubernetes, requests } = await serving(handler, {}, '/k8s/clusters/c-1/')
    await kubernetes.apply(object, { fieldManager: 'a b', force: false, signal })
    const path = '/k8s/clusters/c-1/api/v1/namespaces/n/configmaps/a'
    expect(requests).toEqual([`PATCH ${path}?fieldManager=a+b&force=false`])
    expect(headers).toMatchObject({
      authorization: 'Bearer the-token',
      'content-type': 'application/apply-patch+yaml',
      accept: 'application/json',
    })
  })

  it('is asked again when the server is full, as long as the server asks for', async () => {
    const { kubernetes, requests } = await serving((_, response, nth) =>
      nth < 3 ? json(response, 429, {}, { 'retry-after': '0' }) : json(response, 201, object),
    )
    await kubernetes.create(object, { signal })
    expect(requests).toHaveLength(3)
  })

  it('gives up on a full server after four attempts', async () => {
    const { kubernetes, requests } = await serving((_, response) => json(response, 429, {}, { 'retry-after': '0' }))
    await expect(kubernetes.create(object, { signal })).rejects.toMatchObject({ status: 429 })
    expect(requests).toHaveLength(4)
  })

  it('says that the server is full, not that time ran out while waiting for it', async () => {
    const full: Handler = (_, response) => json(response, 429, {}, { 'retry-after': '60' })
    const { kubernetes } = await serving(full, { callMs: 300 })
    await expect(kubernetes.get(ref, { signal })).rejects.toMatchObject({ status: 429 })
  })

  it('is asked once more after 401, not for ever', async () => {
    const { kubernetes, requests } = await serving((_, response) => json(response, 401, {}))
    await expect(kubernetes.get(ref, { signal })).rejects.toMatchObject({ status: 401, reason: 'Unauthorized' })
    expect(requests).toHaveLength(2)
  })

  it.each([
    ['is asked once more when it only reads', 'GET', 2],
    ['is not asked again when it writes: nobody knows how far it came', 'POST', 1],
  ])('whose socket breaks %s', async (_, method, times) => {
    const { kubernetes, requests } = await serving((request) => request.socket.destroy())
    const call = method === 'GET' ? kubernetes.get(ref, { signal }) : kubernetes.create(object, { signal })
    await expect(call).rejects.toMatchObject({ status: 0, reason: 'Unreachable' })
    expect(requests).toHaveLength(times)
  })

  it.each<[string, Handler, object]>([
    [
      'is cut in the middle',
      (_, r) => r.writeHead(200, { 'content-length': '100' }).write('{', () => r.destroy()),
      {
        reason: 'Unreachable',
      },
    ],
    ['is no JSON', (_, response) => response.end('<html>'), { reason: 'Unreadable' }],
    ['never comes', () => undefined, { reason: 'TimedOut' }],
    ['never ends', (_, response) => response.writeHead(200).write('{'), { reason: 'TimedOut' }],
  ])('whose answer %s is an error', async (_, handler, expected) => {
    const { kubernetes } = await serving(handler, { callMs: 300 })
    const error: unknown = await kubernetes.get(ref, { signal }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(KubernetesError)
    expect(error).toMatchObject({ status: 0, ...expected, call: { verb: 'get', resource: 'configmaps' } })
    expect(String(error)).not.toContain('the-token')
  })

  it('ends at once by its signal, with the reason of the caller', async () => {
    const { kubernetes } = await serving(() => undefined)
    const reason = new Error('client hung up')
    const ending = new AbortController()
    const call = kubernetes.get(ref, { signal: ending.signal })
    setTimeout(() => ending.abort(reason), 50)
    await expect(call).rejects.toBe(reason)
  })

  it('ends when the connection is closed', async () => {
    const { kubernetes } = await serving(() => undefined)
    const call = kubernetes.get(ref, { signal })
    setTimeout(() => void kubernetes.close(), 50)
    await expect(call).rejects.toMatchObject({ status: 0, reason: 'Unreachable' })
  })

  it('to an address where nothing listens says so', async () => {
    const kubernetes = await connect({ server: 'http://127.0.0.1:1', token: 't' })
    onTestFinished(() => kubernetes.close())
    await expect(kubernetes.get(ref, { signal })).rejects.toThrow(
      'get configmaps a in n: Unreachable: connect ECONNREFUSED',
    )
  })

  it('on a connection that another call left to it is not held to the limit for connecting', async () => {
    const { kubernetes, sockets } = await serving((_, response) => setTimeout(() => json(response, 200, object), 250), {
      connectMs: 100,
    })
    await Promise.all(Array.from({ length: 33 }, () => kubernetes.get(ref, { signal })))
    expect(sockets()).toBe(16)
  })

  it('to a server that says nothing ends by the limit for connecting', async () => {
    const silent = createTcpServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const limits = { connectMs: 300, callMs: 20_000 }
    const kubernetes = await connect({ server: `https://127.0.0.1:${address.port}`, token: 't', limits })
    onTestFinished(async () => {
      await kubernetes.close()
      silent.close()
    })
    await expect(kubernetes.get(ref, { signal })).rejects.toMatchObject({ status: 0, reason: 'TimedOut' })
  })
})

describe('a list', () => {
  const page = (names: readonly string[], next: string) => ({
    metadata: { resourceVersion: '7', continue: next },
    items: names.map((name) => ({ metadata: { name, uid: name } })),
  })
  const names = async (kubernetes: Kubernetes) => {
    const found: (string | undefined)[] = []
    const kind = { apiVersion: 'v1', kind: 'ConfigMap' }
    for await (const item of kubernetes.list<typeof object>(kind, { limit: 2, signal })) found.push(item.metadata.name)
    return found
  }

  it('begins anew when its moment is forgotten, and gives nothing twice', async () => {
    const { kubernetes, requests } = await serving((request, response, nth) => {
      const next = new URL(request.url ?? '', 'http://x').searchParams.get('continue')
      if (nth === 2) json(response, 410, {})
      else json(response, 200, next === null ? page(['a', 'b'], 'more') : page(['c'], ''))
    })
    expect(await names(kubernetes)).toEqual(['a', 'b', 'c'])
    expect(requests).toHaveLength(4)
  })

  it('gives up when its moment is forgotten again and again', async () => {
    const { kubernetes } = await serving((request, response) =>
      request.url?.includes('continue') ? json(response, 410, {}) : json(response, 200, page(['a'], 'more')),
    )
    await expect(names(kubernetes)).rejects.toMatchObject({ status: 410 })
  })

  it('of nothing is empty', async () => {
    const { kubernetes } = await serving((_, response) => json(response, 200, { metadata: {}, items: null }))
    expect(await names(kubernetes)).toEqual([])
  })
})
