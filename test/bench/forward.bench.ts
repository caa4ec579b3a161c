import { fileURLToPath } from 'node:url'
import { median, type Figure, type Kit, type Started } from './figure.ts'
import { startProxies, type Proxy } from './forward/proxies.ts'

export const about = 'a request on its way to an instance that is awake: 1 KB answers unless said otherwise'

const ROUNDS = 7
const CONNECTIONS = 32
const WARM_REQUESTS = 80_000
const RATE = 1_000
const LATENCY_ROUNDS = 11
const TURNS = 4
const TURN_MS = 250
const KB = 1024
const MB = 1024 * KB

interface Load {
  readonly requests: number
  readonly perSecond: number
  readonly bytesPerSecond: number
  readonly p50: number
  readonly p99: number
  readonly failed: number
}

/** Of each round, by target; the first target is the instance itself. */
interface Latency {
  readonly failed: number
  readonly disturbed: number
  readonly targets: readonly { readonly p50: readonly number[]; readonly p99: readonly number[] }[]
}

export async function* figures(kit: Kit): AsyncGenerator<Figure> {
  yield* small(kit)
  yield* large(kit)
}

async function* small(kit: Kit): AsyncGenerator<Figure> {
  const instance = await kit.node(new URL('forward/upstream.ts', import.meta.url), 0, KB)
  const direct = portOf(instance)
  const proxies = await startProxies(kit, direct)
  for (const proxy of proxies) await warm(kit, proxy)
  const costs = await cpuRounds(kit, proxies)
  const ours = costs.get('ours') ?? []
  yield { name: 'forward.cpu', value: median(ours), unit: 'µs', reference: 'CPU per request, 32 connections' }
  for (const [name, key, atMost] of [
    ['go', 'vs-go', 0.45],
    ['nginx', 'vs-nginx', 2],
    ['node-http', 'vs-node', 1],
  ] as const) {
    const theirs = costs.get(name)
    if (theirs === undefined) continue
    const value = median(ours.map((cost, round) => cost / (theirs[round] ?? NaN)))
    const reference = `${name}: ${median(theirs).toFixed(1)} µs`
    yield { name: `forward.cpu.${key}`, value, unit: 'ratio', reference, ratio: value, goal: { atMost } }
  }
  await instance.stop()
  yield* latency(kit, direct, proxies)
  for (const { process } of proxies) await process.stop()
}

/** Until the compilers have nothing left to do: they would be counted as the requests' cost. */
async function warm(kit: Kit, { name, port }: Proxy): Promise<void> {
  kit.say(`warming up ${name}`)
  for (let requests = 0, tries = 0; requests < WARM_REQUESTS && tries < 10; tries++) {
    requests += (await load(kit, port, { seconds: 2 })).requests
  }
}

/** CPU per request in µs, by proxy and round; the order of the proxies moves on with each round. */
async function cpuRounds(kit: Kit, proxies: readonly Proxy[]): Promise<Map<string, number[]>> {
  const costs = new Map<string, number[]>(proxies.map(({ name }) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    kit.say(`CPU per request: round ${round + 1} of ${ROUNDS}`)
    for (let i = 0; i < proxies.length; i++) {
      const proxy = proxies[(i + round) % proxies.length]
      if (proxy === undefined) continue
      const before = proxy.process.cpu()
      const { requests } = await load(kit, proxy.port, { seconds: 2 })
      costs.get(proxy.name)?.push(((proxy.process.cpu() - before) / requests) * 1e6)
    }
  }
  return costs
}

/** What the way through each proxy adds, round by round: direct (the generator asks itself) and proxied take turns of a quarter of a second. */
async function* latency(kit: Kit, direct: number, proxies: readonly Proxy[]): AsyncGenerator<Figure> {
  kit.say(`latency at ${RATE} requests/s: ${LATENCY_ROUNDS} rounds`)
  const ports = [direct, ...proxies.map(({ port }) => port)].join(',')
  const file = new URL('forward/latency.ts', import.meta.url)
  const generator = kit.program(
    process.execPath,
    [fileURLToPath(file), ports, KB, RATE, LATENCY_ROUNDS, TURNS, TURN_MS].map(String),
  )
  const { failed, disturbed, targets } = JSON.parse(await (await generator).ended()) as Latency
  if (failed > 0) throw new Error(`${failed} requests failed`)
  if (disturbed > 0) kit.say(`${disturbed} turns were disturbed by the host of this machine, and taken again`)
  const [bare, ...through] = targets
  const added = (which: 'p50' | 'p99', i: number): number =>
    median(through[i]?.[which].map((value, round) => value - (bare?.[which][round] ?? NaN)) ?? [])
  for (const which of ['p50', 'p99'] as const) {
    const others = proxies.map(({ name }, i) => `${name} ${added(which, i).toFixed(2)}`).slice(1)
    const reference = `over direct (${median(bare?.[which] ?? []).toFixed(2)}) at ${RATE}/s, median of ${LATENCY_ROUNDS} rounds; ${others.join(', ')}`
    const goal = which === 'p99' ? { goal: { atMost: 1 } } : {}
    yield { name: `forward.added-${which}`, value: added(which, 0), unit: 'ms', reference, ...goal }
  }
}

async function* large(kit: Kit): AsyncGenerator<Figure> {
  const instance = await kit.node(new URL('forward/upstream.ts', import.meta.url), 0, MB)
  const proxies = (await startProxies(kit, portOf(instance))).filter(({ name }) => name === 'ours' || name === 'nginx')
  const speed = new Map<string, number[]>(proxies.map(({ name }) => [name, []]))
  const ours = proxies.find(({ name }) => name === 'ours')
  for (const { port } of proxies) await load(kit, port, { seconds: 1, connections: 8 })
  const before = ours?.process.memory() ?? 0
  for (let round = 0; round < ROUNDS; round++) {
    kit.say(`1 MB bodies: round ${round + 1} of ${ROUNDS}`)
    for (const { name, port } of proxies) {
      speed.get(name)?.push((await load(kit, port, { seconds: 2, connections: 8 })).bytesPerSecond)
    }
  }
  const mine = speed.get('ours') ?? []
  yield { name: 'forward.body.rate', value: median(mine) / MB, unit: 'MB/s', reference: '1 MB bodies, 8 connections' }
  const nginx = speed.get('nginx')
  if (nginx !== undefined) {
    const value = median(mine.map((rate, round) => rate / (nginx[round] ?? NaN)))
    const reference = `nginx: ${(median(nginx) / MB).toFixed(0)} MB/s`
    yield { name: 'forward.body.vs-nginx', value, unit: 'ratio', reference, ratio: value, goal: { atLeast: 0.5 } }
  }
  const grown = ((ours?.process.memory() ?? 0) - before) / MB
  yield {
    name: 'forward.body.memory',
    value: grown,
    unit: 'MB',
    reference: 'resident memory grown by those bodies',
    goal: { atMost: 64 },
  }
  for (const { process } of [...proxies, { process: instance }]) await process.stop()
}

async function load(
  kit: Kit,
  port: number,
  how: { seconds: number; rate?: number; connections?: number },
): Promise<Load> {
  const { seconds, rate = 0, connections = CONNECTIONS } = how
  const generator = await kit.node(new URL('forward/load.ts', import.meta.url), port, connections, seconds, rate)
  const result = JSON.parse(await generator.ended()) as Load
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.requests} requests failed on port ${port}`)
  return result
}

function portOf({ said }: Started): number {
  return (said as { port: number }).port
}
