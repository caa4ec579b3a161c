import { randomBytes } from 'node:crypto'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { Registry } from 'prom-client'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { scanCounter } from '#functions/scan-idle/metrics.ts'
import { route } from '#functions/scan-idle/route.ts'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import type { Envelope } from '#shared/events/envelope.ts'
import { PublishError } from '#shared/events/publish.ts'
import { labelsOf } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { cluster, testNamespace } from '#test/world/cluster.ts'
import { wakeReplica, type Reply } from '#test/world/wake-replica.ts'

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }
const within = () => AbortSignal.timeout(30_000)

describe('scan-idle, the whole way', () => {
  let kubernetes: Kubernetes
  beforeAll(async () => {
    kubernetes = await cluster()
  })

  /** Instances by name and replicas, all under a label of this test alone, and one wake replica that answers as told. */
  async function world(
    instances: Record<string, number>,
    reply: () => Reply | Promise<Reply>,
    annotations: Record<string, string> = {},
  ) {
    const label = `scan-${randomBytes(4).toString('hex')}`
    const namespace = await testNamespace('scan')
    for (const [name, replicas] of Object.entries(instances)) {
      await kubernetes.create(deployment({ name, replicas, namespace, label, annotations }), { signal: within() })
    }
    const wakeNamespace = await testNamespace('wake')
    const replica = await wakeReplica({
      kubernetes,
      namespace: wakeNamespace,
      name: 'wake-0',
      address: '127.0.92.1',
      reply,
    })
    onTestFinished(() => replica.close())
    const published: Envelope[] = []
    let brokerIsUp = true
    const publish = async (event: Envelope) => {
      if (!brokerIsUp) throw new PublishError('http://broker', event, { status: 503, fault: 'is down', again: true })
      published.push(event)
    }
    const later = Temporal.Now.instant().add({ hours: 1 })
    const metrics = new Registry()
    const app = route({
      kubernetes,
      publisher: { publish },
      now: () => later,
      source: '//functions.platxa.io/scan-idle',
      log,
      count: scanCounter(metrics),
      idleTimeoutMs: 900_000,
      minimumAwakeMs: 120_000,
      cronAwakeMs: 180_000,
      deploymentLabel: `scan=${label}`,
      replicas: { namespace: wakeNamespace, port: replica.port, controlTimeoutMs: 5_000 },
    })
    const tick = async (id = 'tick-1') => {
      const type = 'dev.knative.sources.ping'
      const { headers, body } = encodeEvent(makeEvent({ type, source: '/apis/v1/ping', id, data: undefined }))
      return (await app.request('/', { method: 'POST', headers, body: body ?? null })).status
    }
    const broker = (up: boolean) => {
      brokerIsUp = up
    }
    const counted = async () => /outcome="([^"]+)"} 1/.exec(await metrics.metrics())?.[1]
    return { tick, broker, published, calls: replica.calls, counted }
  }

  const quiet = {
    idleMs: 1_000_000,
    inFlight: 0,
    sockets: 0,
    parked: 0,
    humanIdleMs: null,
    state: 'awake',
    fenced: false,
  }
  const saying =
    (saw: Record<string, object>, upForMs = 3_600_000) =>
    (): Reply => ({
      status: 200,
      body: {
        replica: 'wake-0',
        upForMs,
        instances: Object.fromEntries(Object.entries(saw).map(([name, one]) => [name, { ...quiet, ...one }])),
      },
    })

  it('finds the one instance that is awake and idle among a busy one and a sleeper, asking once for all', async () => {
    const { tick, published, calls } = await world(
      { idle: 1, busy: 1, asleep: 0 },
      saying({ idle: {}, busy: { inFlight: 1 } }),
    )
    expect(await tick()).toBe(204)
    expect(published).toMatchObject([
      { type: 'io.platxa.instance.idle.detected.v1', subject: 'instances/idle', data: { name: 'idle' } },
    ])
    expect(calls).toEqual([{ method: 'GET', path: '/activity', body: undefined }])
  })

  it('publishes the same event for the same idle time on a double tick', async () => {
    const { tick, published } = await world({ idle: 1 }, saying({ idle: { idleMs: 1_000_000 } }))
    await Promise.all([tick('a'), tick('b')])
    expect(published).toHaveLength(2)
    expect(new Set(published.map(({ id }) => id)).size).toBe(1)
  })

  const unknown: [string, string, () => Reply][] = [
    ['the replica hangs', 'replica-silent', () => 'hang'],
    ['the replica fails', 'replica-silent', () => ({ status: 500 })],
    ['the replica answers something else', 'replica-silent', () => ({ status: 200, body: [] })],
    ['the replica has watched for a minute only', 'replica-young', saying({ idle: {} }, 60_000)],
  ]
  it.each(unknown)('holds nobody for idle when %s', async (_, outcome, reply) => {
    const { tick, published, counted } = await world({ idle: 1 }, reply)
    expect(await tick()).toBe(204)
    expect(published).toEqual([])
    expect(await counted()).toBe(outcome)
  })

  it('asks the broker to bring the tick again when an event could not be published, and nothing is lost', async () => {
    const { tick, broker, published } = await world({ idle: 1 }, saying({ idle: {} }))
    broker(false)
    expect(await tick()).toBe(503)
    broker(true)
    expect(await tick()).toBe(204)
    expect(published).toHaveLength(1)
  })

  it('asks for the wake of a sleeper whose job is due, once however often it is found, and of no other one', async () => {
    const wakeAt = '2026-01-01T03:00:00Z'
    const due = await world({ asleep: 0, awake: 1 }, () => 'hang', { 'platxa.io/wake-at': wakeAt })
    await Promise.all([due.tick('a'), due.tick('b')])
    expect(due.published).toMatchObject([
      {
        type: 'io.platxa.instance.wake.requested.v1',
        subject: 'instances/asleep',
        data: { name: 'asleep', trigger: 'cron' },
        extensions: { expirytime: expect.any(String) },
      },
      {},
    ])
    expect(new Set(due.published.map(({ id }) => id)).size).toBe(1)
    const later = await world({ asleep: 0 }, saying({}), { 'platxa.io/wake-at': '2999-01-01T03:00:00Z' })
    await later.tick()
    expect(later.published).toEqual([])
  })

  it('asks no replica when nobody is awake', async () => {
    const { tick, calls, counted } = await world({ asleep: 0 }, saying({}))
    expect(await tick()).toBe(204)
    expect(calls).toEqual([])
    expect(await counted()).toBe('looked')
  })
})

interface Made {
  readonly name: string
  readonly replicas: number
  readonly namespace: string
  readonly label: string
  readonly annotations: Record<string, string>
}

function deployment({ name, replicas, namespace, label, annotations }: Made): Deployment {
  const labels = { ...labelsOf({ name, tier: 'free', status: 'active', ownerId: 'owner' }), scan: label }
  const containers = [{ name: 'odoo', image: 'odoo:19' }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels, annotations },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  }
}
