// Asks several servers in turn, a short while each, at a fixed rate that no slow answer holds up: whatever disturbs the machine disturbs all
// of them alike. It is the instance behind them as well, so that with two cores the server in between has one to itself, as it would have a
// machine. A turn in which the machine's own host ran somebody else is taken again: the milliseconds that adds say nothing about a server.
// argv: ports (the instance's own, then those of the servers: a,b,c), bytes of body, requests per second, rounds, turns per round,
// milliseconds per turn. Prints one line of JSON: for each port the p50 and p99 of each round, in milliseconds.
import { readFileSync } from 'node:fs'
import { serveInstance } from './instance.ts'
import { openLane, type Lane } from './lane.ts'

const LANES = 32
const LONGEST_MS = 30_000
const MOST_AGAIN = 20
const MOST_AT_ONCE = 2
const STOLEN = 8
const [ports = '', ...numbers] = process.argv.slice(2)
const [size, rate, rounds, turns, turnMs] = numbers.map(Number) as [number, number, number, number, number]

interface Target {
  readonly free: Lane[]
  took: number[]
  readonly p50: number[]
  readonly p99: number[]
}

let failed = 0
let disturbed = 0

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

/** Hundredths of a second that the host of a virtual machine kept from it, of all cores (proc(5), "steal"). */
function stolen(): number {
  if (process.platform !== 'linux') return 0
  return Number(readFileSync('/proc/stat', 'latin1').split(/\s+/, STOLEN + 1)[STOLEN])
}

async function undisturbed(target: Target): Promise<void> {
  const before = target.took.length
  for (let again = 0; ; again += 1) {
    const from = stolen()
    await turn(target)
    if (stolen() === from || again === MOST_AGAIN) return
    target.took.length = before
    disturbed += 1
  }
}

/** Also waits for the answers that are still under way. */
async function turn(target: Target): Promise<void> {
  const from = performance.now()
  for (let sent = 0, elapsed = 0; elapsed < turnMs; elapsed = performance.now() - from) {
    // In turn: a connection that never asks is closed by a server that waits for its first request.
    // Nor does a generator that was late make up for it at once: that would measure how late it was.
    for (let burst = 0; burst < MOST_AT_ONCE && sent < (elapsed * rate) / 1000; burst++, sent++)
      target.free.shift()?.ask()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  for (const until = performance.now() + LONGEST_MS; target.free.length < LANES;) {
    if (performance.now() > until) throw new Error(`${LANES - target.free.length} requests were never answered`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN

await serveInstance(Number(ports.split(',')[0]), size)
const targets = await Promise.all(ports.split(',').map((port) => open(Number(port))))
// The first round only warms up.
for (let round = 0; round <= rounds; round++) {
  for (let i = 0; i < turns * targets.length; i++) {
    const target = targets[(i + round) % targets.length]
    if (target !== undefined) await undisturbed(target)
  }
  for (const target of targets) {
    const sorted = target.took.toSorted((a, b) => a - b)
    target.took = []
    if (round === 0) continue
    target.p50.push(at(sorted, 0.5))
    target.p99.push(at(sorted, 0.99))
  }
}
console.log(JSON.stringify({ failed, disturbed, targets: targets.map(({ p50, p99 }) => ({ p50, p99 })) }))
process.exit(0)
