import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure, Kit } from './figure.ts'
import { newAddress } from './wake/addresses.ts'
import { bootOdoo, heldCall } from './wake/boot.ts'
import { startCluster, type Cluster } from './wake/cluster.ts'
import { startReplica, type Replica } from './wake/replica.ts'

export const about = 'many requests that wait for one sleeper: the real main.ts of wake and a real API server'

const HELD = 1_000
const WAKENERS = 50
const name = 'demo'
const warmer = 'warmer'

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const cluster = await startCluster(kit)
  try {
    await cluster.create(name)
    await cluster.create(warmer)
    const replica = await startReplica(kit, cluster)
    for (const one of [name, warmer]) await replica.sees(one, 'asleep')
    const stage = { kit, cluster, replica }
    yield* holds(stage)
    yield* many(stage)
  } finally {
    await cluster.stop()
  }
}

interface Stage {
  readonly kit: Kit
  readonly cluster: Cluster
  readonly replica: Replica
}

/** The first thousand, of another sleeper, makes the nursery as large as it gets: that is not what one hold costs. */
async function* holds(stage: Stage): AsyncGenerator<Figure> {
  const { cluster, replica } = stage
  const first = await hold(stage, warmer, HELD)
  const [before, patches] = [replica.process.memory(), await cluster.scalePatches()]
  const held = await hold(stage, name, 2 * HELD)
  const grown = replica.process.memory() - before
  yield {
    name: 'holds.patches',
    value: (await cluster.scalePatches()) - patches,
    unit: 'count',
    reference: `for ${HELD} requests, one replica; as the API server counts`,
    goal: { atMost: 1 },
  }
  yield {
    name: 'holds.bytes-each',
    value: grown / HELD,
    unit: 'bytes',
    reference: `resident memory that a second thousand adds to a first, garbage included`,
    goal: { atMost: 20_000 },
  }
  yield {
    name: 'holds.answered',
    value: await letIn(stage, name, held),
    unit: 'ms',
    reference: `until the last of ${HELD} has its answer, since the instance can give it`,
  }
  await letIn(stage, warmer, first)
}

/** Until the replica holds `inAll` requests. */
async function hold({ kit, replica }: Stage, instance: string, inAll: number): Promise<Promise<number>[]> {
  kit.say(`holding ${inAll} requests`)
  const held = Array.from({ length: HELD }, () => heldCall(replica.port, instance))
  while ((await replica.metric('platxa_wake_holds')) < inAll) await sleep(50)
  await sleep(1_000)
  return held
}

async function letIn({ cluster, replica }: Stage, instance: string, held: Promise<number>[]): Promise<number> {
  const ip = newAddress()
  await cluster.runPod(instance, ip)
  await sleep(300)
  const odoo = await bootOdoo(ip, 0)
  const last = Math.max(...(await Promise.all(held)))
  await cluster.putToSleep(instance)
  await odoo.stop()
  await replica.sees(instance, 'asleep')
  return last - odoo.canAnswerAt
}

/** Many sleepers at the same moment, each with one request. */
async function* many({ kit, cluster, replica }: Stage): AsyncGenerator<Figure> {
  kit.say(`waking ${WAKENERS} sleepers at once`)
  const names = Array.from({ length: WAKENERS }, (_, i) => `many-${i}`)
  for (const one of names) await cluster.create(one)
  for (const one of names) await replica.sees(one, 'asleep')
  const patches = await cluster.scalePatches()
  const took = names.map(async (one) => {
    const held = heldCall(replica.port, one)
    await cluster.wanted(one)
    const ip = newAddress()
    await cluster.runPod(one, ip)
    await sleep(200)
    const odoo = await bootOdoo(ip, 0)
    return { ms: (await held) - odoo.canAnswerAt, odoo }
  })
  const done = await Promise.all(took)
  yield {
    name: 'holds.many',
    value: Math.max(...done.map(({ ms }) => ms)),
    unit: 'ms',
    reference: `${WAKENERS} sleepers woken at once, ${(await cluster.scalePatches()) - patches} PATCHes: the slowest answer, since its pod could give it`,
  }
  for (const { odoo } of done) await odoo.stop()
}
