import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { startRaceNode } from '#test/world/race/node.ts'
import { race, withinMs, type Runner, type Tally } from '#test/world/race/race.ts'
import type { Figure, Kit, Started } from './figure.ts'
import { startControllers } from './race/controllers.ts'
import { startCluster, type Cluster } from './wake/cluster.ts'
import { startReplica } from './wake/replica.ts'

export const about = `a request that arrives within ${withinMs} ms of the scale-down: two wake replicas, sleep, a real API server`

const ABREAST = 32
const IDLE_MS = 500
const ROUNDS = 10_000
const node = 'bench'
const wakeNamespace = 'default'
const replicaHosts = ['127.0.0.11', '127.0.0.12']

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const rounds = kit.option('rounds') ?? ROUNDS
  const cluster = await startCluster(kit)
  const raceNode = startRaceNode(cluster.kubernetes, node)
  const controllers = startControllers(cluster.kubernetes, node)
  try {
    const controlPort = await kit.freePort()
    const ports: number[] = []
    for (const HOST of replicaHosts) {
      ports.push((await startReplica(kit, cluster, { HOST, CONTROL_PORT: `${controlPort}`, HOLD_TIMEOUT: '50s' })).port)
      await announce(cluster, HOST)
    }
    const sleep = await startSleep(kit, cluster, controlPort)
    const runners = await Promise.all(Array.from({ length: ABREAST }, (_, i) => makeRunner(kit, cluster, `r${i}`)))
    const from = performance.now()
    const tally = await race({
      doors: ports.map((port, i) => ({ host: replicaHosts[i] ?? '', port })),
      runners,
      enough: ({ slept, declined }) => slept + declined >= rounds,
      idleMs: IDLE_MS,
      fallAsleep: (runner) => fallAsleep(runner, sleep.port, kit.signal),
      scaledDownAt: (name) => controllers.scaledDownAt(name),
      got: (id) => raceNode.got(id),
      signal: kit.signal,
      say: (text) => kit.say(text),
    })
    yield* told(tally, (performance.now() - from) / 1000, raceNode.boots, kit)
  } finally {
    await controllers.stop()
    await raceNode.stop()
    await cluster.stop()
  }
}

function* told(tally: Tally, seconds: number, boots: number, kit: Kit): Generator<Figure> {
  const { slept, declined, before, after, apart, lost, doubled } = tally
  for (const one of [...lost, ...doubled].slice(0, 20)) kit.say(one)
  const races = slept + declined
  const how = `of ${races} races, GET and POST: ${slept} fell asleep, ${declined} stayed awake for it; ${before} sent before that moment, ${after} after`
  const besides = `${apart} more rounds were no race; ${boots} pods; ${seconds.toFixed(0)} s`
  yield { name: 'race.lost', value: lost.length, unit: 'count', reference: how, goal: { atMost: 0 } }
  yield { name: 'race.doubled', value: doubled.length, unit: 'count', reference: besides, goal: { atMost: 0 } }
}

/** Where sleep finds the replica: its pod, which no node runs. */
async function announce({ kubernetes }: Cluster, ip: string): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const metadata = {
    name: `wake-${ip.replaceAll('.', '-')}`,
    namespace: wakeNamespace,
    labels: { 'app.kubernetes.io/name': 'wake' },
  }
  const spec = {
    nodeName: 'nowhere',
    containers: [{ name: 'wake', image: 'wake' }],
    automountServiceAccountToken: false,
  }
  await kubernetes.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: wakeNamespace } },
    { fieldManager: 'bench', signal },
  )
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec }
  await kubernetes.create(pod, { signal })
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] }
  const ref = { apiVersion: 'v1', kind: 'Pod', name: metadata.name, namespace: wakeNamespace }
  await kubernetes.patch(ref, { status }, { type: 'merge', subresource: 'status', signal })
}

async function startSleep(
  kit: Kit,
  cluster: Cluster,
  controlPort: number,
): Promise<{ process: Started; port: number }> {
  const port = await kit.freePort()
  const environment = {
    ...cluster.environment,
    HOST: '127.0.0.1',
    PORT: port,
    METRICS_PORT: await kit.freePort(),
    LOG_LEVEL: 'error',
    DRAIN_DELAY: '1ms',
    IDLE_TIMEOUT: `${IDLE_MS}ms`,
    MINIMUM_AWAKE: '1ms',
    WAKE_NAMESPACE: wakeNamespace,
    WAKE_CONTROL_PORT: controlPort,
  }
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const main = fileURLToPath(new URL('../../functions/sleep/main.ts', import.meta.url))
  return { process: await kit.program('env', [...assignments, process.execPath, main], port), port }
}

async function makeRunner({ signal }: Kit, cluster: Cluster, name: string): Promise<Runner> {
  await cluster.create(name)
  const { kubernetes } = cluster
  const account = { name: 'default', namespace: namespaceOf(name) }
  await kubernetes.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
    { fieldManager: 'bench', signal },
  )
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
  const deployment = await kubernetes.get<{ metadata: { uid: string } }>(ref, { signal })
  return { name, host: `${name}.localhost`, uid: deployment?.metadata.uid ?? '' }
}

/** As scan-idle says it. */
async function fallAsleep({ name, uid }: Runner, port: number, signal: AbortSignal): Promise<'slept' | 'declined'> {
  const evidence = { replicas: 2, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 1 }
  const data = { name, lastActivityAt: '2026-01-01T00:00:00Z', idleSeconds: 1, deploymentUid: uid, evidence }
  const source = '//functions.platxa.io/scan-idle'
  const event = makeEvent({
    type: 'io.platxa.instance.idle.detected.v1',
    source,
    id: randomBytes(8).toString('hex'),
    data,
  })
  const { headers, body } = encodeEvent(event)
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: body ?? null, signal })
  await answer.text()
  return answer.headers.get('ce-type') === 'io.platxa.instance.slept.v1' ? 'slept' : 'declined'
}
