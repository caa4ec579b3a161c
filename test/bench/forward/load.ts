// Asks and counts. argv: port, connections, seconds, requests per second (0: as many as are answered), the status wanted (200). Prints one
// line of JSON.
import { openLane, type Lane } from './lane.ts'

const [port, connections, seconds, rate] = process.argv.slice(2).map(Number) as [number, number, number, number]
const wanted = `HTTP/1.1 ${process.argv[6] ?? '200'} `

const took: number[] = []
let requests = 0
let bytes = 0
let failed = 0
let done = false

const answered = (lane: Lane, ms: number): void => {
  requests += 1
  took.push(ms)
  if (rate > 0) free.push(lane)
  else if (!done) lane.ask()
}
const lane = (): Promise<Lane> =>
  openLane({
    port,
    wanted,
    answered,
    failed: () => (failed += 1),
    closed: () => (failed += done ? 0 : 1),
    read: (length) => (bytes += length),
  })

const free = await Promise.all(Array.from({ length: connections }, lane))
const started = performance.now()
if (rate === 0) for (const each of free.splice(0)) each.ask()
let late = 0
await new Promise<void>((resolve) => {
  let sent = 0
  const tick = (): void => {
    const elapsed = (performance.now() - started) / 1000
    if (elapsed >= seconds) return resolve()
    const due = elapsed * rate
    for (; sent < due; sent++) {
      const next = free.pop()
      if (next === undefined) late += 1
      else next.ask()
    }
    setTimeout(tick, 1)
  }
  tick()
})
done = true
const elapsed = (performance.now() - started) / 1000
took.sort((a, b) => a - b)
const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? NaN
console.log(
  JSON.stringify({
    requests,
    perSecond: requests / elapsed,
    bytesPerSecond: bytes / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    failed,
    late,
  }),
)
process.exit(0)
