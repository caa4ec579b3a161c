// A short race (test/world/race/race.ts) with the controllers, the scheduler and the API server of the run; `npm run bench -- race` runs a long one.
import { randomBytes } from 'node:crypto'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { expect, it, onTestFinished } from 'vitest'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { addresses } from '#test/world/addresses.ts'
import { cluster, testNamespace } from '#test/world/cluster.ts'
import { startRaceNode } from '#test/world/race/node.ts'
import { race, type Runner } from '#test/world/race/race.ts'
import { raceSleep, type FallAsleep } from '#test/world/race/sleep.ts'
import { createPod } from '#test/world/wake-replica.ts'
import { until } from './client.ts'
import { createNode } from './node.ts'
import { deploymentOf, startReplica, type Replica } from './world.ts'

const ROUNDS = 200
const RUNNERS = 10
const IDLE_MS = 200
const within = (): AbortSignal => AbortSignal.timeout(30_000)

it(`loses and doubles none of ${ROUNDS} requests that arrive about when their instance is scaled down`, async () => {
  const kubernetes = await cluster()
  const ending = new AbortController()
  const node = `race-${randomBytes(4).toString('hex')}`
  await createNode(kubernetes, node)
  const raceNode = startRaceNode(kubernetes, node)
  onTestFinished(async () => {
    ending.abort()
    await raceNode.stop()
    await kubernetes.delete({ apiVersion: 'v1', kind: 'Node', name: node }, { signal: within() })
  })
  const { replicas, fallAsleep } = await twoReplicas(kubernetes)
  const runners = await Promise.all(Array.from({ length: RUNNERS }, () => makeRunner(kubernetes, node)))
  await until(() => replicas.every(({ wake }) => runners.every(({ name }) => wake.rooms.named(name) !== undefined)))
  const downAt = followScaleDowns(kubernetes, runners, ending.signal)
  const tally = await race({
    doors: replicas.map(({ port }, i) => ({ host: hosts[i] ?? '', port })),
    runners,
    idleMs: IDLE_MS,
    // How many of them are within 50 ms is a matter of the machine, what becomes of them is not.
    enough: ({ slept, declined, apart }) => slept + declined + apart >= ROUNDS,
    fallAsleep,
    scaledDownAt: (name) => downAt.get(name),
    got: (id) => raceNode.got(id),
    signal: AbortSignal.timeout(540_000),
    say: () => undefined,
  })
  expect({ lost: tally.lost, doubled: tally.doubled }).toEqual({ lost: [], doubled: [] })
  // Else nobody ever fell asleep, and nothing was raced.
  expect(raceNode.boots).toBeGreaterThan(2 * RUNNERS)
}, 600_000)

const address = addresses()
const hosts = [address(), address()]

/** With the sleep function that knows them. */
async function twoReplicas(kubernetes: Kubernetes): Promise<{ replicas: readonly Replica[]; fallAsleep: FallAsleep }> {
  const namespace = await testNamespace('wake')
  const replicas: Replica[] = []
  for (const [i, host] of hosts.entries()) {
    const controlPort = replicas[0]?.controlPort ?? 0
    replicas.push(await startReplica(kubernetes, { holdTimeoutMs: 50_000 }, { host, controlPort }))
    await createPod({ kubernetes, namespace, name: `wake-${i}`, address: host })
  }
  const known = { namespace, port: replicas[0]?.controlPort ?? 0, controlTimeoutMs: 5_000 }
  const fallAsleep = raceSleep(kubernetes, known, IDLE_MS)
  return { replicas, fallAsleep }
}

async function makeRunner(kubernetes: Kubernetes, node: string): Promise<Runner> {
  const name = `race-${randomBytes(5).toString('hex')}`
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `instance-${name}` } }
  await kubernetes.create(namespace, { signal: within() })
  onTestFinished(async () => {
    await kubernetes.delete({ ...namespace, name: `instance-${name}` }, { signal: within() })
  })
  const made = await kubernetes.create(deploymentOf(name, node, {}), { signal: within() })
  return { name, host: `${name}.example.com`, uid: made.metadata?.uid ?? '' }
}

function followScaleDowns(
  kubernetes: Kubernetes,
  runners: readonly Runner[],
  signal: AbortSignal,
): ReadonlyMap<string, number> {
  const names = new Map(runners.map(({ name, uid }) => [uid, name]))
  const downAt = new Map<string, number>()
  const awake = new Set<string>()
  const follow = async (): Promise<void> => {
    const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
    for await (const event of kubernetes.watch<Deployment>(kind, { labelSelector: 'app=odoo', signal })) {
      for (const { metadata, spec } of event.type === 'applied' ? [event.object] : []) {
        const name = names.get(metadata?.uid ?? '')
        if (name === undefined) continue
        if (spec?.replicas === 1) awake.add(name)
        else if (awake.delete(name)) downAt.set(name, performance.now())
      }
    }
  }
  void follow()
  return downAt
}
