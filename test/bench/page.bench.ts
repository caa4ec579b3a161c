import { fileURLToPath } from 'node:url'
import { median, type Figure, type Kit, type Started } from './figure.ts'
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
  const bare = await startBare(kit)
  for (const one of [replica, bare])
    for (let seen = 0; seen < WARM_PAGES;) seen += (await pages(kit, one, 2, 0)).requests
  const rates: number[] = []
  const bareRates: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    kit.say(`loading pages: round ${round + 1} of ${ROUNDS}`)
    rates.push(await ratePerCpu(kit, replica))
    bareRates.push(await ratePerCpu(kit, bare))
  }
  const p99: number[] = []
  for (let round = 0; round < ROUNDS; round++) p99.push((await pages(kit, replica, 2, 1_000)).p99)
  const reference = 'pages per second of CPU, 32 connections'
  yield { name: 'page.rate', value: median(rates), unit: '/s', reference, goal: { atLeast: 20_000 } }
  const value = median(rates.map((rate, round) => (bareRates[round] ?? NaN) / rate))
  const least = `CPU per page over that of a bare node:http answer: ${(1e6 / median(bareRates)).toFixed(1)} µs`
  yield { name: 'page.vs-bare', value, unit: 'ratio', reference: least, ratio: value, goal: { atMost: 2.5 } }
  yield { name: 'page.p99', value: median(p99), unit: 'ms', reference: 'at 1,000 pages/s', goal: { atMost: 5 } }
}

interface Server {
  readonly port: number
  readonly process: Started
}

async function startBare(kit: Kit): Promise<Server> {
  const port = await kit.freePort()
  const file = fileURLToPath(new URL('page/bare.ts', import.meta.url))
  return { port, process: await kit.program(process.execPath, ['--max-semi-space-size=8', file, `${port}`], port) }
}

async function ratePerCpu(kit: Kit, server: Server): Promise<number> {
  const before = server.process.cpu()
  const { requests } = await pages(kit, server, 3, 0)
  return requests / (server.process.cpu() - before)
}

async function pages(
  kit: Kit,
  { port }: Server,
  seconds: number,
  rate: number,
): Promise<{ requests: number; p99: number }> {
  const generator = await kit.node(new URL('forward/load.ts', import.meta.url), port, 32, seconds, rate, 503)
  const result = JSON.parse(await generator.ended()) as {
    requests: number
    p99: number
    failed: number
  }
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.requests} answers were no loading page`)
  return result
}
