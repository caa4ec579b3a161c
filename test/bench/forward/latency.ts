// Asks several servers in turn, a short while each, at a fixed rate that no slow answer holds up: whatever disturbs the machine disturbs all
// of them alike. argv: ports (a,b,c), requests per second, rounds, turns per round, milliseconds per turn. Prints one line of JSON: for each
// port the p50 and p99 of each round, in milliseconds.
import { openLane, type Lane } from './lane.ts'

const LANES = 32
const LONGEST_MS = 30_000
const [ports = '', ...numbers] = process.argv.slice(2)
const [rate, rounds, turns, turnMs] = numbers.map(Number) as [number, number, number, number]

interface Target {
  readonly free: Lane[]
  took: number[]
  readonly p50: number[]
  readonly p99: number[]
}

let failed = 0

async function open(port: number): Promise<Target> {
  const free: Lane[] = []
  const target = { free, took: [] as number[], p50: [], p99: [] }
  const options = {
    port,
    wanted: 'HTTP/1.1 200 ',
    answered: (lane: Lane, ms: number): void => {
      target.took.push(ms)
      free.push(lane)
    },
    failed: () => (failed += 1),
    closed: () => {
      throw new Error(`port ${port} closed a connection`)
    },
  }
  free.push(...(await Promise.all(Array.from({ length: LANES }, () => openLane(options)))))
  return target
}

/** Also waits for the answers that are still under way. */
async function turn(target: Target): Promise<void> {
  const from = performance.now()
  for (let sent = 0, elapsed = 0; elapsed < turnMs; elapsed = performance.now() - from) {
    // In turn: a connection that never asks is closed by a server that waits for its first request.
    for (; sent < (elapsed * rate) / 1000; sent++) target.free.shift()?.ask()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  for (const until = performance.now() + LONGEST_MS; target.free.length < LANES;) {
    if (performance.now() > until) throw new Error(`${LANES - target.free.length} requests were never answered`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN

const targets = await Promise.all(ports.split(',').map((port) => open(Number(port))))
// The first round only warms up.
for (let round = 0; round <= rounds; round++) {
  for (let i = 0; i < turns * targets.length; i++) {
    const target = targets[(i + round) % targets.length]
    if (target !== undefined) await turn(target)
  }
  for (const target of targets) {
    const sorted = target.took.toSorted((a, b) => a - b)
    target.took = []
    if (round === 0) continue
    target.p50.push(at(sorted, 0.5))
    target.p99.push(at(sorted, 0.99))
  }
}
console.log(JSON.stringify({ failed, targets: targets.map(({ p50, p99 }) => ({ p50, p99 })) }))
process.exit(0)
