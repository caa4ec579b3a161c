// Opens WebSockets, says so, and lets one after the other say a word. argv: port, how many, seconds of talking. Two lines of JSON.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const [port, count, seconds] = process.argv.slice(2).map(Number) as [number, number, number]
const HELLO = [
  'GET /websocket?version=19.0-1 HTTP/1.1',
  'Host: demo.localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Cookie: session_id=abcdefghijklmnopqrstuvwxyz0123456789',
  '',
  '',
].join('\r\n')
const FRAME = Buffer.from([0x81, 0x84, 0, 0, 0, 0, 112, 105, 110, 103])
const READ = Buffer.allocUnsafeSlow(64 * 1024)
let heard: (length: number) => void = () => undefined

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let agreed = false
    const callback = (length: number): boolean => {
      if (agreed) heard(length)
      else if (READ.toString('latin1', 0, 12) === 'HTTP/1.1 101') resolve(socket)
      else reject(new Error(READ.toString('latin1', 0, length)))
      agreed = true
      return true
    }
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer: READ, callback } }, () =>
      socket.write(HELLO),
    )
    socket.on('error', reject)
  })
}

const sockets: Socket[] = []
for (let i = 0; i < count; i += 50)
  sockets.push(...(await Promise.all(Array.from({ length: Math.min(50, count - i) }, open))))
console.log(JSON.stringify({ open: sockets.length }))
await sleep(3_000)
const took: number[] = []
for (const until = performance.now() + seconds * 1000; performance.now() < until;) {
  const socket = sockets[Math.floor(Math.random() * sockets.length)]
  const asked = performance.now()
  await new Promise<void>((resolve) => {
    heard = () => resolve()
    socket?.write(FRAME)
  })
  took.push(performance.now() - asked)
  await sleep(1)
}
took.sort((a, b) => a - b)
console.log(
  JSON.stringify({
    p99: took[Math.floor(took.length * 0.99)] ?? null,
    alive: sockets.filter((socket) => !socket.destroyed).length,
  }),
)
process.exit(0)
