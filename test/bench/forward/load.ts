// Asks and counts. argv: port, connections, seconds, requests per second (0: as many as are answered), the status wanted (200). Prints one
// line of JSON.
import { connect } from 'node:net'
import { REQUEST } from './request.ts'

const [port, connections, seconds, rate] = process.argv.slice(2).map(Number) as [number, number, number, number]
const wanted = `HTTP/1.1 ${process.argv[6] ?? '200'} `

const READ = Buffer.allocUnsafeSlow(256 * 1024)
const took: number[] = []
let requests = 0
let bytes = 0
let failed = 0
let done = false

interface Lane {
  ask(): void
}
const free: Lane[] = []

function lane(): Promise<void> {
  return new Promise((resolve) => {
    let left = -1
    let head = ''
    let asked = 0
    const read = (length: number): boolean => {
      bytes += length
      let body = length
      if (left < 0) {
        head += READ.toString('latin1', 0, Math.min(length, 4096))
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return true
        left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN)
        body = length - (end + 4)
        if (!head.startsWith(wanted) || Number.isNaN(left)) failed += 1
        head = ''
      }
      left -= body
      if (left > 0) return true
      left = -1
      requests += 1
      took.push(performance.now() - asked)
      if (rate > 0) free.push(self)
      else if (!done) self.ask()
      return true
    }
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer: READ, callback: read } }, () => {
      free.push(self)
      resolve()
    })
    socket.on('error', () => (failed += 1)).on('close', () => (failed += done ? 0 : 1))
    const self: Lane = {
      ask: () => {
        asked = performance.now()
        socket.write(REQUEST)
      },
    }
  })
}

await Promise.all(Array.from({ length: connections }, lane))
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
