import type { Pod } from 'kubernetes-types/core/v1.js'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { startRaceNode } from '#test/world/race/node.ts'
import { race, withinMs, type Runner, type Tally } from '#test/world/race/race.ts'
import { raceSleep } from '#test/world/race/sleep.ts'
import type { Figure, Kit } from './figure.ts'
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
    const replicas = { namespace: wakeNamespace, port: controlPort, controlTimeoutMs: 5_000 }
    const runners = await Promise.all(Array.from({ length: ABREAST }, (_, i) => makeRunner(kit, cluster, `r${i}`)))
    const from = performance.now()
    const tally = await race({
      doors: ports.map((port, i) => ({ host: replicaHosts[i] ?? '', port })),
      runners,
      enough: ({ slept, declined }) => slept + declined >= rounds,
      idleMs: IDLE_MS,
      fallAsleep: raceSleep(cluster.kubernetes, replicas, IDLE_MS),
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
