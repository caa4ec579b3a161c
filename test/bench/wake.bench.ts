import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { median, type Figure, type Kit } from './figure.ts'
import { bareLoop, bootOdoo, heldCall } from './wake/boot.ts'
import { startCluster, type Cluster } from './wake/cluster.ts'
import { startReplica, type Replica } from './wake/replica.ts'

export const about = 'a sleeper that is woken: the real main.ts of wake and a real API server'

const WAKES = 100
const HELD = 1_000
const SLEEPERS = 10_000
const MB = 1024 * 1024
/** The instance of all figures but the last. */
const name = 'demo'

interface Stage {
  readonly kit: Kit
  readonly cluster: Cluster
  readonly replica: Replica
}

/** Milliseconds since the instance could answer. */
interface Wake {
  readonly wake: number
  readonly bare: number
  readonly readyToRequest: number
}

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const cluster = await startCluster(kit)
  try {
    await cluster.create(name)
    const first = await startReplica(kit, cluster)
    await sleep(3_000)
    const atRest = first.process.memory()
    yield* overhead({ kit, cluster, replica: first })
    await first.process.stop()
    const second = await startReplica(kit, cluster)
    yield* holds({ kit, cluster, replica: second })
    yield* page({ kit, cluster, replica: second })
    await second.process.stop()
    yield* sleepers(kit, cluster, atRest)
  } finally {
    await cluster.stop()
  }
}

async function* overhead(stage: Stage): AsyncGenerator<Figure> {
  const atOnce = await wakes(stage, 0)
  const bare = 'bare loop that dials every 5 ms:'
  yield compared('wake.overhead', atOnce, 0.5, bare)
  yield compared('wake.overhead.p99', atOnce, 0.99, bare)
  yield {
    name: 'wake.ready-to-request.p99',
    value: at(
      0.99,
      atOnce.map(({ readyToRequest }) => readyToRequest),
    ),
    unit: 'ms',
    reference: `from the first accept; p50 ${median(atOnce.map(({ readyToRequest }) => readyToRequest)).toFixed(1)}`,
  }
  const loading = await wakes(stage, 300)
  yield compared('wake.overhead.loading', loading, 0.5, 'accepts 300 ms before it answers, as Odoo does; bare loop:')
  yield compared('wake.overhead.loading.p99', loading, 0.99, bare)
}

function compared(figure: string, measured: readonly Wake[], share: number, what: string): Figure {
  const value = at(
    share,
    measured.map(({ wake }) => wake),
  )
  const bare = at(
    share,
    measured.map(({ bare }) => bare),
  )
  return { name: figure, value, unit: 'ms', reference: `${what} ${bare.toFixed(1)} ms`, ratio: value / bare }
}

async function wakes(stage: Stage, loadMs: number): Promise<Wake[]> {
  const measured: Wake[] = []
  for (let i = 0; i < WAKES; i++) {
    if (i % 25 === 0) stage.kit.say(`wake ${i} of ${WAKES}, answers ${loadMs} ms after it accepts`)
    measured.push(await wakeOnce(stage, loadMs))
  }
  return measured
}

async function wakeOnce({ kit: { signal }, cluster, replica }: Stage, loadMs: number): Promise<Wake> {
  const ip = newAddress()
  const held = heldCall(replica.port, name)
  await cluster.wanted(name)
  await cluster.runPod(name, ip)
  const bare = bareLoop(ip, signal)
  // Longer than the watch takes, and at no fixed place between two probes.
  await sleep(150 + Math.random() * 100)
  const odoo = await bootOdoo(ip, loadMs)
  const [wakeAt, bareAt] = await Promise.all([held, bare])
  const { canAnswerAt, firstAcceptAt, firstRequestAt } = odoo
  await cluster.putToSleep(name)
  await odoo.stop()
  await replica.sees(name, 'asleep')
  return { wake: wakeAt - canAnswerAt, bare: bareAt - canAnswerAt, readyToRequest: firstRequestAt - firstAcceptAt }
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
    name: 'wake.holds.patches',
    value: (await cluster.scalePatches()) - patches,
    unit: 'count',
    reference: `for ${HELD} requests, one replica; as the API server counts`,
    goal: { atMost: 1 },
  }
  yield {
    name: 'wake.holds.bytes-each',
    value: grown / HELD,
    unit: 'bytes',
    reference: `resident memory of a fresh replica, garbage included, ${HELD} at once`,
  }
  const ip = newAddress()
  await cluster.runPod(name, ip)
  await sleep(300)
  const odoo = await bootOdoo(ip, 0)
  const last = Math.max(...(await Promise.all(held)))
  yield {
    name: 'wake.holds.answered',
    value: last - odoo.canAnswerAt,
    unit: 'ms',
    reference: `until the last of ${HELD} has its answer`,
  }
  await cluster.putToSleep(name)
  await odoo.stop()
  await replica.sees(name, 'asleep')
}

/** The instance wakes for as long as this takes: it has no pod. */
async function* page({ kit, replica }: Stage): AsyncGenerator<Figure> {
  const rates: number[] = []
  const perSecond: number[] = []
  for (let round = 0; round < 5; round++) {
    kit.say(`loading pages: round ${round + 1} of 5`)
    const cpu = replica.process.cpu()
    const done = await pages(kit, replica, 3, 0)
    rates.push(done.requests / (replica.process.cpu() - cpu))
    perSecond.push(done.perSecond)
  }
  const p99: number[] = []
  for (let round = 0; round < 5; round++) p99.push((await pages(kit, replica, 2, 1_000)).p99)
  const reference = `per second of CPU; ${median(perSecond.slice(1)).toFixed(0)}/s on the clock, 32 connections`
  yield { name: 'wake.page.rate', value: median(rates.slice(1)), unit: '/s', reference }
  yield { name: 'wake.page.p99', value: median(p99), unit: 'ms', reference: 'at 1,000 pages/s' }
}

async function pages(
  kit: Kit,
  { port }: Replica,
  seconds: number,
  rate: number,
): Promise<{ requests: number; perSecond: number; p99: number }> {
  const generator = await kit.node(new URL('forward/load.ts', import.meta.url), port, 32, seconds, rate, 503)
  const result = JSON.parse(await generator.ended()) as {
    requests: number
    perSecond: number
    p99: number
    failed: number
  }
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.requests} answers were no loading page`)
  return result
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
  await sleep(5_000)
  const known = replica.process.memory()
  yield {
    name: 'wake.sleepers.memory',
    value: known / MB,
    unit: 'MB',
    reference: `resident, knowing ${SLEEPERS} real Deployments; one: ${(one / MB).toFixed(0)} MB`,
    ratio: known / one,
  }
  yield {
    name: 'wake.sleepers.start',
    value: replica.readyAfterMs / 1000,
    unit: 's',
    reference: `until it knew ${SLEEPERS}, process start included`,
  }
  await replica.process.stop()
}

const addressBlock = `127.${randomInt(100, 200)}`
let addresses = 0

/** Never the same twice: a late answer of before must not be taken for one of now. */
function newAddress(): string {
  addresses += 1
  return `${addressBlock}.${addresses >> 7}.${(addresses & 127) + 1}`
}

function at(share: number, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
