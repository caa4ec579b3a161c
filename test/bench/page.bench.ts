import { median, type Figure, type Kit } from './figure.ts'
import { startCluster } from './wake/cluster.ts'
import { startReplica, type Replica } from './wake/replica.ts'

export const about = 'the loading page of a sleeper: the real main.ts of wake and a real API server'

const ROUNDS = 7
const WARM_PAGES = 60_000

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const cluster = await startCluster(kit)
  try {
    await cluster.create('demo')
    yield* page(kit, await startReplica(kit, cluster))
  } finally {
    await cluster.stop()
  }
}

/** The instance wakes for as long as this takes: it has no pod. */
async function* page(kit: Kit, replica: Replica): AsyncGenerator<Figure> {
  for (let seen = 0; seen < WARM_PAGES;) seen += (await pages(kit, replica, 2, 0)).requests
  const rates: number[] = []
  const perSecond: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    kit.say(`loading pages: round ${round + 1} of ${ROUNDS}`)
    const cpu = replica.process.cpu()
    const done = await pages(kit, replica, 3, 0)
    rates.push(done.requests / (replica.process.cpu() - cpu))
    perSecond.push(done.perSecond)
  }
  const p99: number[] = []
  for (let round = 0; round < ROUNDS; round++) p99.push((await pages(kit, replica, 2, 1_000)).p99)
  const reference = `per second of CPU; ${median(perSecond).toFixed(0)}/s on the clock, 32 connections`
  yield { name: 'page.rate', value: median(rates), unit: '/s', reference, goal: { atLeast: 20_000 } }
  yield { name: 'page.p99', value: median(p99), unit: 'ms', reference: 'at 1,000 pages/s', goal: { atMost: 5 } }
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
