import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure, Kit } from './figure.ts'
import { startCluster, type Cluster } from './wake/cluster.ts'
import { startReplica } from './wake/replica.ts'

export const about =
  'thousands of sleeping instances known to one replica: the real main.ts of wake and a real API server'

const SLEEPERS = 10_000
/** Long enough for what the start has left behind to be collected. */
const AT_REST_MS = 10_000
const REST_MS = 60_000
const MB = 1024 * 1024

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const cluster = await startCluster(kit)
  try {
    await cluster.create('demo')
    const first = await startReplica(kit, cluster)
    await sleep(AT_REST_MS)
    const one = first.process.memory()
    await first.process.stop()
    yield* sleepers(kit, cluster, one)
  } finally {
    await cluster.stop()
  }
}

async function* sleepers(kit: Kit, cluster: Cluster, one: number): AsyncGenerator<Figure> {
  let made = 0
  const maker = async (): Promise<void> => {
    while (made < SLEEPERS) {
      made += 1
      if (made % 1_000 === 0) kit.say(`sleeping instance ${made} of ${SLEEPERS}`)
      await cluster.create(`sleeper-${made}`)
    }
  }
  await Promise.all(Array.from({ length: 48 }, maker))
  const replica = await startReplica(kit, cluster)
  await sleep(AT_REST_MS)
  const known = replica.process.memory()
  yield {
    name: 'sleepers.memory',
    value: known / MB,
    unit: 'MB',
    reference: `resident, knowing ${SLEEPERS} real Deployments; one: ${(one / MB).toFixed(0)} MB`,
    ratio: known / one,
    goal: { atMost: 150 },
  }
  yield {
    name: 'sleepers.start',
    value: replica.readyAfterMs / 1000,
    unit: 's',
    reference: `until it knew ${SLEEPERS}, process start included`,
  }
  kit.say(`at rest for ${REST_MS / 1000} s`)
  const before = await callsBesideWatches(cluster)
  await sleep(REST_MS)
  yield {
    name: 'sleepers.calls',
    value: (await callsBesideWatches(cluster)) - before,
    unit: 'count',
    reference: 'of Deployments and pods in a minute at rest, beside the two watches; as the API server counts',
    goal: { atMost: 0 },
  }
  await replica.process.stop()
}

async function callsBesideWatches(cluster: Cluster): Promise<number> {
  let calls = 0
  for (const resource of ['deployments', 'pods'])
    calls +=
      (await cluster.requests(`resource="${resource}"`)) -
      (await cluster.requests(`resource="${resource}"`, 'verb="WATCH"'))
  return calls
}
