import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Event } from 'kubernetes-types/events/v1.js'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadLetterCounter } from '#functions/dead-letter/effects.ts'
import { route } from '#functions/dead-letter/route.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { listen } from '#shared/server/listen.ts'
import { cluster } from '#test/world/cluster.ts'

const name = 'dead-letter-test'
const namespace = `instance-${name}`
const signal = AbortSignal.timeout(60_000)

describe('dead-letter, the whole way', () => {
  let kubernetes: Kubernetes
  const lines: object[] = []
  const registry = new Registry()
  const write = (fields: object) => void lines.push(fields)
  const log = { debug: write, info: write, warn: write, error: write, child: () => log }

  const count = deadLetterCounter(registry)
  // By a real socket: the request of a server is not the one of the platform.
  const server = createServer()
  let url: string

  beforeAll(async () => {
    kubernetes = await cluster()
    await kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal })
    const app = route({ kubernetes, now: () => Temporal.Now.instant(), log, replica: 'test', count })
    const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })
    server.on('request', (request, response) => void answer(request, response))
    url = `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}/`
  })
  afterAll(async () => {
    server.close()
    await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, { signal })
  })

  const post = (headers: Record<string, string>, body: string) => fetch(url, { method: 'POST', headers, body })
  const letter = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': 'e1',
    'ce-source': '//instance-manager',
    'ce-type': 'io.platxa.instance.tier.changed.v1',
    'ce-knativeerrordest': 'http://change-tier.platxa.svc.cluster.local',
    'ce-knativeerrorcode': '422',
    'ce-knativeerrordata': btoa('data.tier: is none of ours'),
  }

  it('leaves a log line, a count and, however often it comes, one Kubernetes Event on the namespace of the instance', async () => {
    const answer = await post(letter, JSON.stringify({ name }))
    expect(answer.status).toBe(204)
    expect((await post(letter, JSON.stringify({ name }))).status).toBe(204)
    expect(lines).toContainEqual(
      expect.objectContaining({ instance: name, code: '422', answer: 'data.tier: is none of ours' }),
    )
    expect(await registry.metrics()).toContain(
      'platxa_dead_letters_total{type="io.platxa.instance.tier.changed.v1",code="422"} 2',
    )
    const events: Event[] = []
    for await (const event of kubernetes.list<Event>(
      { apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace },
      { signal },
    )) {
      events.push(event)
    }
    expect(events).toEqual([
      expect.objectContaining({
        type: 'Warning',
        reason: 'DeadLetter',
        note: expect.stringContaining('http://change-tier.platxa.svc.cluster.local did not take'),
        regarding: expect.objectContaining({ kind: 'Namespace', name: namespace }),
      }),
    ])
  })

  const rows: [string, Record<string, string>, string][] = [
    ['a letter about an instance that is gone', letter, JSON.stringify({ name: 'never-there' })],
    ['a letter of a type that nobody knows', { ...letter, 'ce-type': 'com.example.other' }, '{}'],
    ['a letter that is no event', { 'content-type': 'text/plain' }, 'hello'],
    ['an empty request', {}, ''],
  ]
  it.each(rows)('answers 204 to %s', async (_, headers, body) => {
    expect((await post(headers, body)).status).toBe(204)
  })

  it('keeps the number of labels bounded, whatever types are sent', async () => {
    await post({ ...letter, 'ce-type': 'x.1' }, '{}')
    await post({ ...letter, 'ce-type': 'x.2' }, '{}')
    expect(await registry.metrics()).not.toMatch(/x\.[12]/)
  })
})
