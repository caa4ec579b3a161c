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

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const cluster = await startCluster(kit)
  try {
    await cluster.create(name)
    const replica = await startReplica(kit, cluster)
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

async function* holds({ kit, cluster, replica }: Stage): AsyncGenerator<Figure> {
  kit.say(`holding ${HELD} requests`)
  await sleep(2_000)
  const [before, patches] = [replica.process.memory(), await cluster.scalePatches()]
  const held = Array.from({ length: HELD }, () => heldCall(replica.port, name))
  while ((await replica.metric('platxa_wake_holds')) < HELD) await sleep(50)
  await sleep(1_000)
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
    reference: `resident memory of a fresh replica, garbage included, ${HELD} at once`,
    goal: { atMost: 20_000 },
  }
  const ip = newAddress()
  await cluster.runPod(name, ip)
  await sleep(300)
  const odoo = await bootOdoo(ip, 0)
  const last = Math.max(...(await Promise.all(held)))
  yield {
    name: 'holds.answered',
    value: last - odoo.canAnswerAt,
    unit: 'ms',
    reference: `until the last of ${HELD} has its answer`,
  }
  await cluster.putToSleep(name)
  await odoo.stop()
  await replica.sees(name, 'asleep')
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
