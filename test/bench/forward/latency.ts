// Asks several servers in turn, a short while each, at a fixed rate that no slow answer holds up: whatever disturbs the machine disturbs all
// of them alike. argv: ports (a,b,c), requests per second, rounds, turns per round, milliseconds per turn. Prints one line of JSON: for each
// port the p50 and p99 of each round, in milliseconds.
import { connect } from 'node:net'
import { REQUEST } from './request.ts'

const LANES = 32
const [ports = '', ...numbers] = process.argv.slice(2)
const [rate, rounds, turns, turnMs] = numbers.map(Number) as [number, number, number, number]
const READ = Buffer.allocUnsafeSlow(64 * 1024)

interface Lane {
  ask(): void
}

interface Target {
  readonly free: Lane[]
  took: number[]
  readonly p50: number[]
  readonly p99: number[]
}

let failed = 0

async function open(port: number): Promise<Target> {
  const target: Target = { free: [], took: [], p50: [], p99: [] }
  await Promise.all(Array.from({ length: LANES }, () => lane(port, target)))
  return target
}

function lane(port: number, target: Target): Promise<void> {
  return new Promise((resolve) => {
    let head = ''
    let left = -1
    let askedAt = 0
    const read = (length: number): boolean => {
      let body = length
      if (left < 0) {
        head += READ.toString('latin1', 0, Math.min(length, 4096))
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return true
        left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN)
        body = length - (end + 4)
        if (!head.startsWith('HTTP/1.1 200 ')) failed += 1
        head = ''
      }
      left -= body
      if (left > 0) return true
      left = -1
      target.took.push(performance.now() - askedAt)
      target.free.push(self)
      return true
    }
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer: READ, callback: read } }, () => {
      target.free.push(self)
      resolve()
    })
    socket.on('error', () => (failed += 1)).on('close', () => (failed += 1))
    const self: Lane = {
      ask: () => {
        askedAt = performance.now()
        socket.write(REQUEST)
      },
    }
  })
}

/** Also waits for the answers that are still under way. */
async function turn(target: Target): Promise<void> {
  const from = performance.now()
  for (let sent = 0, elapsed = 0; elapsed < turnMs; elapsed = performance.now() - from) {
    for (; sent < (elapsed * rate) / 1000; sent++) target.free.pop()?.ask()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  while (target.free.length < LANES) await new Promise((resolve) => setTimeout(resolve, 1))
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
