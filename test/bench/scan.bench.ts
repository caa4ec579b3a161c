import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { functionEnvironment } from '#local/image/environment.ts'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { median, type Figure, type Kit, type Started } from './figure.ts'
import { fillCluster } from './scan/fleet.ts'
import { startNeighbours, type Neighbours } from './scan/neighbours.ts'
import { startCluster, type Cluster } from './wake/cluster.ts'

export const about =
  'one scan of thousands of instances: the real main.ts of scan-idle and a real API server; wake replicas and broker answer at once'

const INSTANCES = 10_000
const ROUNDS = 10
const MORE_SCANS = 40
const MB = 1024 * 1024

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  const all = kit.option('instances') ?? INSTANCES
  const size = { asleep: all * 0.9, awake: all * 0.1, idle: all * 0.01, replicas: 2 }
  const cluster = await startCluster(kit)
  const neighbours = await startNeighbours(cluster, size)
  try {
    await fillCluster(kit, cluster, size)
    const scanner = await startScanner(kit, cluster, neighbours)
    const what = `${all} Deployments, ${size.awake} of them awake, ${size.idle} idle`
    yield* scans({ kit, cluster, neighbours, scanner, what })
    await scanner.process.stop()
  } finally {
    await neighbours.stop()
    await cluster.stop()
  }
}

interface Scanner {
  readonly process: Started
  tick(id: number): Promise<number>
}

interface Bench {
  readonly kit: Kit
  readonly cluster: Cluster
  readonly neighbours: Neighbours
  readonly scanner: Scanner
  readonly what: string
}

async function* scans({ kit, cluster, neighbours, scanner, what }: Bench): AsyncGenerator<Figure> {
  const { process } = scanner
  await tickOf(scanner, -1)
  const calls = await lists(cluster)
  const rounds = []
  for (let round = 0; round < (kit.option('rounds') ?? ROUNDS); round += 1) {
    const [cpu, from] = [process.cpu(), performance.now()]
    await tickOf(scanner, round)
    rounds.push({ cpu: process.cpu() - cpu, wall: (performance.now() - from) / 1000 })
  }
  yield {
    name: 'scan.cpu',
    value: median(rounds.map(({ cpu }) => cpu)),
    unit: 's',
    reference: `of one core per scan: ${what}`,
    goal: { atMost: 2 },
  }
  yield {
    name: 'scan.wall',
    value: median(rounds.map(({ wall }) => wall)),
    unit: 's',
    reference: 'the same, by the clock',
  }
  yield {
    name: 'scan.pages',
    value: ((await lists(cluster)) - calls) / rounds.length,
    unit: 'count',
    reference: 'list calls per scan, as the API server counts',
  }
  yield {
    name: 'scan.events',
    value: neighbours.published() / (rounds.length + 1),
    unit: 'count',
    reference: `published per scan; ${neighbours.different()} different ids in all`,
  }
  const before = await settled(process)
  kit.say(`${MORE_SCANS} scans more`)
  for (let scan = 0; scan < MORE_SCANS; scan += 1) await tickOf(scanner, 1_000 + scan)
  const after = await settled(process)
  yield {
    name: 'scan.memory',
    value: after / MB,
    unit: 'MB',
    reference: `resident after ${MORE_SCANS} scans more; before: ${(before / MB).toFixed(0)} MB`,
    ratio: after / before,
  }
}

async function tickOf(scanner: Scanner, id: number): Promise<void> {
  const status = await scanner.tick(id)
  if (status !== 204) throw new Error(`a scan was answered ${status}`)
}

async function settled(process: Started): Promise<number> {
  await sleep(2_000)
  return process.memory()
}

function lists(cluster: Cluster): Promise<number> {
  return cluster.requests('resource="deployments"', 'verb="LIST"')
}

const main = fileURLToPath(new URL('../../functions/scan-idle/main.ts', import.meta.url))

async function startScanner(kit: Kit, cluster: Cluster, neighbours: Neighbours): Promise<Scanner> {
  const [port, metricsPort] = [await kit.freePort(), await kit.freePort()]
  const environment = {
    NODE_OPTIONS: (await functionEnvironment('scan-idle'))['NODE_OPTIONS'],
    ...cluster.environment,
    ...neighbours.environment,
    HOST: '127.0.0.1',
    PORT: port,
    METRICS_PORT: metricsPort,
    LOG_LEVEL: 'warn',
    DRAIN_DELAY: '1ms',
    IDLE_TIMEOUT: '1s',
    MINIMUM_AWAKE: '1s',
    CRON_AWAKE: '1s',
  }
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const process = await kit.program('env', [...assignments, globalThis.process.execPath, main], port)
  return {
    process,
    async tick(id) {
      const type = 'dev.knative.sources.ping'
      const { headers, body } = encodeEvent(makeEvent({ type, source: '/bench', id: String(id), data: undefined }))
      const url = `http://127.0.0.1:${port}/`
      const answer = await fetch(url, { method: 'POST', headers, body: body ?? null, signal: kit.signal })
      return answer.status
    },
  }
}
