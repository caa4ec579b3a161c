import { createHash } from 'node:crypto'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { describe, expect, it } from 'vitest'
import { createMemory } from '#local/broker/memory.ts'
import { consoleApp } from '#local/console/app.ts'
import type { Outgoing } from '#shared/events/emit.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { deployment } from './world.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const secret = { data: { ADMIN_LOGIN: base64('admin'), ADMIN_PASSWORD: base64('pass-demo') } }

/** The two reads that the console makes of an API server. */
function reading(deployments: readonly Deployment[]): Kubernetes {
  const reads: Pick<Kubernetes, 'get' | 'list'> = {
    get: async <T>({ kind, name }: { kind: string; name: string }) =>
      (kind === 'Secret' ? secret : deployments.find((one) => one.metadata?.name === name)) as T | undefined,
    async *list<T>({ kind }: { kind: string }) {
      if (kind === 'Deployment') yield* deployments as unknown as readonly T[]
    },
  }
  return reads as Kubernetes
}

const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }

function world(deployments: readonly Deployment[] = [deployment()]) {
  const published: Outgoing[] = []
  const memory = createMemory()
  const app = consoleApp({
    kubernetes: reading(deployments),
    wake: { namespace: 'traefik-system', port: 8081, controlTimeoutMs: 1000 },
    memory,
    idleTimeoutMs: 120_000,
    publish: async (event) => void published.push(event),
    urlOf: (host) => `http://${host}:8080/`,
    baseDomain: 'localhost',
    odooVersion: '19',
    brokerUrl: 'http://127.0.0.1:9000/platxa/default',
    log,
  })
  const post = (path: string, body: Record<string, string> = {}, headers: Record<string, string> = {}) =>
    app.request(path, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', ...headers },
      body: new URLSearchParams(body),
    })
  return { app, memory, published, post }
}

describe('the console', () => {
  it('shows every instance with state, reason and a way to visit it', async () => {
    const { app } = world([deployment({ why: 'woken by a visit' }), deployment({ name: 'shop', replicas: 0 })])
    const text = await (await app.request('/')).text()
    expect(text).toContain('2 instances, 1 awake')
    expect(text).toContain('woken by a visit')
    expect(text).toContain('href="http://shop.localhost:8080/"')
    expect(text).toContain('action="/instances/shop/wake"')
    expect(text).toContain('action="/instances/demo/sleep"')
  })

  it('shows the events that went by, with who received them and what they answered', async () => {
    const { app, memory } = world()
    const data = '{"why":"<b>"}'
    const base = { at: Date.now(), id: '1', source: '/s', subject: 'instances/demo', data, from: 'ingress' }
    const record = memory.open({ ...base, type: 'io.platxa.instance.idle.detected.v1' })
    record.delivery('sleep', {
      trigger: 'sleep',
      to: 'http://sleep.platxa.svc.cluster.local',
      attempts: [
        { at: 0, tookMs: 12, answer: 503, said: 'no' },
        { at: 1, tookMs: 7, answer: 200, said: '' },
      ],
      outcome: 'delivered',
      reply: 'io.platxa.instance.slept.v1',
    })
    const text = await (await app.request('/')).text()
    expect(text).toContain('idle detected')
    expect(text).toContain('503 in 12 ms, 200 in 7 ms')
    expect(text).toContain('→ slept')
    expect(text).not.toContain('<b>')
  })

  it('has a page for one instance, and 404 for one nobody knows', async () => {
    const { app } = world()
    const page = await app.request('/instances/demo')
    expect(page.status).toBe(200)
    const text = await page.text()
    expect(text).toContain('instance-demo')
    expect(text).toContain('<code>pass-demo</code>')
    expect((await app.request('/instances/nobody')).status).toBe(404)
  })

  it.each([
    ['/instances/demo/wake', 'io.platxa.instance.wake.requested.v1', { name: 'demo', trigger: 'manual' }],
    ['/instances/demo/sleep', 'io.platxa.idle.scan.requested.v1', { scope: ['demo'], idleSeconds: 0 }],
  ])('publishes an event on POST %s', async (path, type, data) => {
    const { post, published } = world()
    const response = await post(path)
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toMatch(/^\/instances\/demo\?said=/)
    expect(published).toMatchObject([{ type, data, subject: 'instances/demo' }])
  })

  it('requests an instance as the Instance Manager would', async () => {
    const { post, published } = world()
    await post('/instances', { name: 'my-company', tier: 'team' })
    expect(published[0]).toMatchObject({
      type: 'io.platxa.instance.requested.v1',
      data: { name: 'my-company', tier: 'team', odooVersion: '19', hosts: ['my-company.localhost'] },
    })
  })

  it.each([
    ['a name that is no DNS label', { name: 'My Company', tier: 'free' }, 'name'],
    ['a tier that does not exist', { name: 'ok', tier: 'gold' }, 'tier'],
    ['nothing at all', {}, 'name'],
  ])('says what is wrong with %s, and publishes nothing', async (_, form, word) => {
    const { post, published } = world()
    const location = (await post('/instances', form)).headers.get('location') ?? ''
    expect(decodeURIComponent(location)).toContain(`Not requested: ${word}`)
    expect(published).toHaveLength(0)
  })

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['an instance, which is the same site but another origin', { 'sec-fetch-site': 'same-site' }],
  ])('takes no form from %s', async (_, headers) => {
    const { post, published } = world()
    const response = await post('/instances/demo/wake', {}, headers)
    expect(response.status).toBe(403)
    expect(published).toHaveLength(0)
  })

  it('allows no script but its own, and no frame', async () => {
    const { app } = world()
    const response = await app.request('/')
    const policy = response.headers.get('content-security-policy')
    const [, script = ''] = /<script>(.*?)<\/script>/s.exec(await response.text()) ?? []
    expect(policy).toContain(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`)
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
  })

  it('answers 503 with the reason when the API server does not answer', async () => {
    const { app } = world()
    const broken = consoleApp({
      kubernetes: {
        list: () => {
          throw new Error('connect ECONNREFUSED')
        },
      } as unknown as Kubernetes,
      wake: { namespace: 'w', port: 1, controlTimeoutMs: 1 },
      memory: createMemory(),
      idleTimeoutMs: 1,
      publish: async () => {},
      urlOf: String,
      baseDomain: 'localhost',
      odooVersion: '19',
      brokerUrl: '',
      log,
    })
    const response = await broken.request('/')
    expect(response.status).toBe(503)
    expect(await response.text()).toContain('ECONNREFUSED')
    expect((await app.request('/')).status).toBe(200)
  })
})
