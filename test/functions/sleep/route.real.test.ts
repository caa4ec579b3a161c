import { randomBytes } from 'node:crypto'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { Registry } from 'prom-client'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { decisionCounter } from '#functions/sleep/metrics.ts'
import { route } from '#functions/sleep/route.ts'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { annotationKeys, deploymentOf, labelsOf, namespaceOf } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { cluster, testNamespace } from '#test/world/cluster.ts'
import { wakeReplica, type ControlCall, type Reply, type WakeReplica } from '#test/world/wake-replica.ts'

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }
const within = () => AbortSignal.timeout(30_000)
const quiet = { fence: 'f1', upForMs: 3_600_000, idleMs: 1_000_000, inFlight: 0, humanIdleMs: null }

type Answering = (call: ControlCall) => Reply | Promise<Reply>

function answering(report: object): (call: ControlCall) => Reply {
  return ({ method }) => (method === 'POST' ? { status: 200, body: { ...quiet, ...report } } : { status: 204 })
}

describe('sleep, the whole way', () => {
  let kubernetes: Kubernetes
  beforeAll(async () => {
    kubernetes = await cluster()
  })

  /** An awake instance, the wake replicas that answer as told, and the function. */
  async function world(...replies: Answering[]) {
    const name = `sleep-${randomBytes(4).toString('hex')}`
    const namespace = namespaceOf(name)
    await kubernetes.create(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { signal: within() },
    )
    onTestFinished(async () => {
      await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, { signal: within() })
    })
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: deploymentOf(name) }
    const made = await kubernetes.create(deployment(name), { signal: within() })
    // Sleep leaves alone what changes while it looks, so its controllers have their say first.
    const settled = async () => {
      const { metadata, status } = (await kubernetes.get<Deployment>(ref, { signal: within() })) ?? {}
      return status?.observedGeneration === metadata?.generation && status?.unavailableReplicas === 1
    }
    await expect.poll(settled, { timeout: 60_000 }).toBe(true)
    const wakeNamespace = await testNamespace('wake')
    const replicas: WakeReplica[] = []
    for (const [index, reply] of replies.entries()) {
      const [first] = replicas
      const address = `127.0.91.${index + 1}`
      const at = { kubernetes, namespace: wakeNamespace, name: `wake-${index}`, address, port: first?.port ?? 0 }
      const replica = await wakeReplica({ ...at, reply })
      onTestFinished(() => replica.close())
      replicas.push(replica)
    }
    const metrics = new Registry()
    const app = route({
      kubernetes,
      now: () => Temporal.Now.instant().add({ hours: 1 }),
      source: '//functions.platxa.io/sleep',
      log,
      count: decisionCounter(metrics),
      idleTimeoutMs: 900_000,
      minimumAwakeMs: 120_000,
      replicas: { namespace: wakeNamespace, port: replicas[0]?.port ?? 1, controlTimeoutMs: 500 },
      fenceTtlMs: 10_000,
    })
    const idle = makeEvent({
      type: 'io.platxa.instance.idle.detected.v1',
      source: '//functions.platxa.io/scan-idle',
      id: 'idle-1',
      data: {
        name,
        lastActivityAt: '2026-11-23T12:00:00Z',
        idleSeconds: 1000,
        timeoutSeconds: 900,
        deploymentUid: made.metadata?.uid ?? '',
        evidence: { replicas: 2, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 3600 },
      },
    })
    const deliver = async (event = idle) => {
      const { headers, body } = encodeEvent(event)
      const answer = await app.request('/', { method: 'POST', headers, body: body ?? null })
      return {
        status: answer.status,
        type: answer.headers.get('ce-type'),
        id: answer.headers.get('ce-id'),
        data: await said(answer),
      }
    }
    const now = async () => kubernetes.get<Deployment>(ref, { signal: within() })
    return { name, ref, idle, deliver, now, replicas, wakeNamespace, metrics: () => metrics.metrics() }
  }

  it('fences every replica, scales to 0, says why, and leaves the fence to the replicas that see it', async () => {
    const { deliver, now, replicas, name } = await world(answering({}), answering({ idleMs: 2_000_000 }))
    const answer = await deliver()
    expect(answer).toMatchObject({
      status: 200,
      type: 'io.platxa.instance.slept.v1',
      data: { name, why: 'nobody used it for 17 min' },
    })
    const deployment = await now()
    expect(deployment?.spec?.replicas).toBe(0)
    expect(deployment?.metadata?.annotations?.[annotationKeys.why]).toBe('Asleep: nobody used it for 17 min')
    expect(replicas.map(({ calls }) => calls.map(({ method }) => method))).toEqual([['POST'], ['POST']])
  })

  it('says the same a second time, under the same id, and does nothing', async () => {
    const { deliver, now, replicas, metrics } = await world(answering({}))
    const first = await deliver()
    const second = await deliver()
    expect(second).toEqual(first)
    expect((await now())?.spec?.replicas).toBe(0)
    expect(replicas[0]?.calls).toHaveLength(1)
    expect(await metrics()).toContain('platxa_sleep_decisions_total{decision="slept"} 1\n')
  })

  it('counts the seconds of this time, when an earlier run ended right after the scale-down', async () => {
    const { deliver, now, ref } = await world(answering({}))
    const annotations = { [annotationKeys.why]: 'Woken: a visitor', [annotationKeys.awakeSeconds]: '5' }
    await kubernetes.patch(ref, { metadata: { annotations } }, { type: 'merge', signal: within() })
    await kubernetes.scale(ref, 0, { signal: within() })
    const answer = await deliver()
    const { awakeSeconds } = z.object({ awakeSeconds: z.int() }).parse(answer.data)
    expect(awakeSeconds).toBeGreaterThanOrEqual(3600)
    expect(answer).toMatchObject({ status: 200, data: { why: 'nobody used it for 17 min' } })
    expect((await now())?.metadata?.annotations).toMatchObject({
      [annotationKeys.why]: 'Asleep: nobody used it for 17 min',
      [annotationKeys.awakeSeconds]: String(awakeSeconds),
    })
    expect(await deliver()).toEqual(answer)
  })

  const vetoes: [string, string, Answering[]][] = [
    ['one replica has a request in flight', 'request-in-flight', [answering({}), answering({ inFlight: 1 })]],
    ['one replica saw a request a second ago', 'activity', [answering({ idleMs: 1000 }), answering({})]],
    ['one replica saw somebody move', 'presence', [answering({ humanIdleMs: 1000 })]],
    ['one replica has only just started', 'replica-young', [answering({}), answering({ upForMs: 1000, idleMs: null })]],
    ['one replica hangs', 'replica-silent', [answering({}), () => 'hang']],
    ['one replica is fenced by somebody else', 'replica-silent', [answering({}), () => ({ status: 409 })]],
    [
      'one replica answers something else',
      'replica-silent',
      [answering({}), () => ({ status: 200, body: { ok: true } })],
    ],
  ]
  it.each(vetoes)('declines and lifts every fence when %s', async (_, veto, replies) => {
    const { deliver, now, replicas, metrics } = await world(...replies)
    expect(await deliver()).toMatchObject({ status: 200, type: 'io.platxa.instance.sleep.declined.v1', data: { veto } })
    expect((await now())?.spec?.replicas).toBe(1)
    expect(replicas[0]?.calls.map(({ method }) => method)).toEqual(['POST', 'DELETE'])
    expect(await metrics()).toContain(`platxa_sleep_decisions_total{decision="${veto}"} 1\n`)
    expect(await metrics()).toContain('platxa_sleep_decisions_total{decision="slept"} 0\n')
  })

  it('declines when there is no replica to ask', async () => {
    const { deliver, now } = await world()
    expect(await deliver()).toMatchObject({ data: { veto: 'no-replica' } })
    expect((await now())?.spec?.replicas).toBe(1)
  })

  it('declines when a replica comes while the others are asked', async () => {
    let arrive: () => Promise<void> = () => Promise.resolve()
    const {
      deliver,
      now,
      replicas,
      wakeNamespace: namespace,
    } = await world(async (call) => {
      if (call.method === 'POST') await arrive()
      return answering({})(call)
    })
    arrive = async () => {
      const at = { kubernetes, namespace, name: 'late', address: '127.0.91.9', port: replicas[0]?.port ?? 0 }
      const late = await wakeReplica({ ...at, reply: answering({}) })
      onTestFinished(() => late.close())
    }
    expect(await deliver()).toMatchObject({ data: { veto: 'replica-young' } })
    expect((await now())?.spec?.replicas).toBe(1)
  })

  it('does nothing to a namesake that was made since', async () => {
    const { deliver, now, idle, replicas } = await world(answering({}))
    const answer = await deliver({ ...idle, data: { ...idle.data, deploymentUid: 'another' } })
    expect(answer.status).toBe(204)
    expect((await now())?.spec?.replicas).toBe(1)
    expect(replicas[0]?.calls).toEqual([])
  })
})

async function said(answer: Response): Promise<unknown> {
  const text = await answer.text()
  return text === '' ? undefined : JSON.parse(text)
}

function deployment(name: string): Deployment {
  const labels = { ...labelsOf({ name, tier: 'free', status: 'active', ownerId: 'owner' }), app: 'odoo' }
  const containers = [{ name: 'odoo', image: 'odoo:19' }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: deploymentOf(name), namespace: namespaceOf(name), labels },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  }
}
