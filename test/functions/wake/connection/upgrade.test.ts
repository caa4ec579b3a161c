import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Splice } from '#functions/wake/connection/forward.ts'
import { type End, get, listen, ok, openDoor, startInstance } from './ends.ts'

const HEAD = /\r\n\r\n/
const hello = get(
  '/websocket',
  'Connection: keep-alive, Upgrade',
  'Upgrade: WebSocket',
  'Sec-WebSocket-Key: a2V5',
  'Sec-WebSocket-Version: 13',
)
const agreed =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\nX-A: 1\r\n\r\n'

describe('wake / upgrade: the handshake', () => {
  it('passes the handshake both ways, then bytes', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(hello)
    const end = await instance.connection(0)
    expect(await end.until(HEAD)).toBe(
      'GET /websocket HTTP/1.1\r\nHost: demo.localhost\r\nSec-WebSocket-Key: a2V5\r\nSec-WebSocket-Version: 13\r\n' +
        'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: demo.localhost\r\n' +
        'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    end.send(`${agreed}first`)
    expect(await client.until(/first/)).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nX-A: 1\r\n\r\nfirst',
    )
    client.send('second')
    await end.until(/second/)
    end.send('\0\xff\r\n')
    await client.until(/^\0\xff\r\n$/)
  })

  it('keeps what an eager client sends before the instance has agreed', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(`${hello}eager`)
    const end = await instance.connection(0)
    await end.until(HEAD)
    client.send(' and more')
    expect(end.text).toBe('')
    end.send(agreed)
    await end.until(/^eager and more$/)
  })

  it('relays an answer that is not 101, and closes', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(hello)
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 3\r\n\r\nold')
    await client.gone()
    expect(client.text).toMatch(
      /^HTTP\/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n[^]*Connection: close\r\n\r\nold$/,
    )
    expect(await door.outcome(0)).toEqual({ outcome: 'answered', status: 426 })
    await end.gone()
  })

  it.each([
    ['a 101 that names another protocol', agreed.replace('websocket', 'h2c')],
    ['a 101 without a protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['garbage', 'hello\r\n\r\n'],
  ])('answers 502 to %s', async (_name, answer) => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(hello)
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send(answer)
    await client.gone()
    expect(client.text).toMatch(/^HTTP\/1.1 502 /)
  })

  it('says that nothing was sent when nobody listens', async () => {
    const instance = await startInstance()
    await instance.stop()
    const door = await openDoor(instance.target)
    await door.ask(hello)
    expect(await door.outcome(0)).toMatchObject({ outcome: 'unsent', error: { fault: 'connect' } })
  })

  it('gives up after the first-byte limit', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target, { limits: { firstByteMs: 100 } })).ask(hello)
    await client.gone()
    expect(client.text).toMatch(/^HTTP\/1.1 504 /)
  })

  it('cancels the handshake when the client goes', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(hello)
    const end = await instance.connection(0)
    await end.until(HEAD)
    client.socket.destroy()
    await end.gone()
    expect(await door.outcome(0)).toEqual({ outcome: 'client gone' })
  })

  it.each([
    ['h2c', get('/', 'Connection: Upgrade', 'Upgrade: h2c')],
    ['TLS', get('/', 'Connection: Upgrade', 'Upgrade: TLS/1.2')],
    ['websocket among others', get('/', 'Connection: Upgrade', 'Upgrade: h2c, websocket')],
    [
      'websocket by POST',
      get('/', 'Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 0').replace('GET', 'POST'),
    ],
  ])('answers a request to upgrade to %s as if it had not asked', async (_name, request) => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(request)
    const end = await instance.connection(0)
    expect(await end.until(HEAD)).not.toMatch(/upgrade/i)
    end.send(ok('plain'))
    await client.until(/plain/)
    await client.send(get()).when(() => true)
    await end.until(/GET/)
  })

  it.each([
    ['a body', hello.replace('\r\n\r\n', '\r\nContent-Length: 4\r\n\r\nbody')],
    ['HTTP/1.0', hello.replace('HTTP/1.1', 'HTTP/1.0')],
  ])('lets no handshake with %s reach the instance as one', async (_name, request) => {
    const instance = await startInstance((end) =>
      end.socket.on('data', () => end.send(ok('plain', 'Connection: close'))),
    )
    const client = await (await openDoor(instance.target)).ask(request)
    await client.gone()
    expect(instance.ends.map((end) => end.text).join('')).not.toMatch(/upgrade/i)
  })
})

describe('wake / upgrade: the connection', () => {
  it('passes the half-close of a client, and still delivers what the instance says', async () => {
    const { client, end, door } = await joined()
    client.socket.end('last words')
    await end.until(/last words/)
    await end.gone()
    end.socket.end('answer')
    await client.until(/answer/)
    await client.gone()
    expect(await door.outcome(0)).toEqual({ outcome: 'upgraded', end: 'closed' })
  })

  it('passes the half-close of an instance, and still delivers what the client says', async () => {
    const { client, end, door } = await joined()
    end.socket.end('last words')
    await client.until(/last words/)
    await client.gone()
    client.socket.end('answer')
    await end.until(/answer/)
    expect(await door.outcome(0)).toEqual({ outcome: 'upgraded', end: 'closed' })
  })

  it('does not wait for ever for the other half', async () => {
    const { client, end, door } = await joined({ limits: { idleMs: 100 } })
    end.socket.end()
    await client.gone()
    expect(await door.outcome(0)).toEqual({ outcome: 'upgraded', end: 'closed' })
  })

  it('is never cut for being idle', async () => {
    const { client, end } = await joined({
      limits: { idleMs: 50, firstByteMs: 50, connectMs: 50, keepMs: 50, freshMs: 50 },
    })
    await new Promise((resolve) => setTimeout(resolve, 400))
    client.send('still here')
    await end.until(/still here/)
  })

  it('cuts the client when the instance is reset, and the instance when the client is', async () => {
    const one = await joined()
    one.end.socket.resetAndDestroy()
    await one.client.gone()
    const other = await joined()
    other.client.socket.resetAndDestroy()
    await other.end.gone()
    expect(await other.door.outcome(0)).toEqual({ outcome: 'upgraded', end: 'closed' })
  })

  it('passes no more than the slower side takes', async () => {
    const { client, end } = await joined()
    client.socket.pause()
    for (let i = 0; i < 400; i++) end.send('x'.repeat(65536))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(end.socket.writableLength).toBeGreaterThan(8_000_000)
    client.keepText = false
    client.socket.resume()
    await client.when(() => client.bytes >= 400 * 65536)
    end.socket.pause()
    for (let i = 0; i < 400; i++) client.send('x'.repeat(65536))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(client.socket.writableLength).toBeGreaterThan(8_000_000)
  })

  it(
    'is fit for real WebSockets: large frames, pings, many at once, an orderly close',
    { timeout: 30_000 },
    async () => {
      const server = createServer()
      const sockets = new WebSocketServer({ server })
      sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
      const port = await listen(server)
      onTestFinished(() => void server.close())
      const door = await openDoor({ host: '127.0.0.1', port })
      const large = Buffer.alloc(8 * 1024 * 1024, 'large frame ')
      const clients = await Promise.all(Array.from({ length: 50 }, () => dial(door.port)))
      await Promise.all(clients.map((client, i) => echo(client, i === 0 ? large : Buffer.from(`hello ${i}`))))
      const pong = new Promise((resolve) => clients[1]?.once('pong', resolve))
      clients[1]?.ping()
      await pong
      const codes = clients.map((client) => new Promise((resolve) => client.once('close', resolve)))
      for (const client of sockets.clients) client.close(1001)
      expect(new Set(await Promise.all(codes))).toEqual(new Set([1001]))
    },
  )
})

describe('wake / upgrade: the tap', () => {
  it('sees what goes by, and may change or swallow it', async () => {
    const seen: string[] = []
    const { client, end } = await joined({
      tap: {
        fromClient: (bytes) => {
          seen.push(`> ${bytes.toString()}`)
          return bytes
        },
        fromInstance: (bytes) => {
          seen.push(`< ${bytes.toString()}`)
          return bytes.toString() === 'secret' ? undefined : Buffer.from(bytes.toString().toUpperCase())
        },
      },
    })
    client.send('question')
    await end.until(/question/)
    end.send('secret')
    await new Promise((resolve) => setTimeout(resolve, 30))
    end.send('answer')
    expect(await client.until(/ANSWER/)).toBe('ANSWER')
    expect(seen).toEqual(['> question', '< secret', '< answer'])
  })

  it.each([
    ['ends', (end: End) => void end.socket.end()],
    ['is reset', (end: End) => void end.socket.resetAndDestroy()],
  ])('may keep the client when the instance %s', async (_how, leave) => {
    let kept: Duplex | undefined
    const onInstanceEnd = (splice: Splice): boolean => {
      kept = splice.takeClient()
      return true
    }
    const { client, end, door } = await joined({ tap: { onInstanceEnd } })
    leave(end)
    expect(await door.outcome(0)).toEqual({ outcome: 'upgraded', end: 'client taken' })
    kept?.on('data', (bytes: Buffer) => kept?.write(`parked heard ${bytes.toString()}`))
    client.send('anyone?')
    await client.until(/parked heard anyone\?/)
    expect(client.ended).toBe(false)
    kept?.destroy()
  })
})

async function joined(options: Parameters<typeof openDoor>[1] = {}) {
  const instance = await startInstance()
  const door = await openDoor(instance.target, options)
  const client = await door.ask(hello)
  const end = await instance.connection(0)
  await end.until(HEAD)
  end.send(agreed)
  await client.until(HEAD)
  return { instance, door, client, end }
}

async function dial(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/websocket`, { perMessageDeflate: false })
  onTestFinished(() => socket.terminate())
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return socket
}

async function echo(socket: WebSocket, message: Buffer): Promise<void> {
  const answer = new Promise<Buffer>((resolve) => socket.once('message', (data: Buffer) => resolve(data)))
  socket.send(message)
  expect((await answer).equals(message)).toBe(true)
}
