// The whole door in front of an instance that is awake, byte by byte: what a client may say, and what the instance hears
// of it. The parts behind it have tests of their own (forward-*.test.ts); here nothing is left out.
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { WakeSettings } from '#functions/wake/wake.ts'
import { ask, callOf, until } from './client.ts'
import { End } from './connection/ends.ts'
import { ambiguous, ambiguousChunks } from './connection/smuggling.ts'
import { httpPort, startReplica, startWorld, type Instance, type Replica } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

interface Heard {
  readonly instance: Instance
  /** What came on each connection, health checks and version questions left out. */
  readonly heard: string[]
  /** Connections that a client's going has closed. */
  readonly cancelled: number[]
}

const isOurs = /^(?:GET \/web\/health|POST \/web\/webclient\/version_info) /

/** An awake instance that answers every connection once with its own name, `/slow` never. */
async function listening(replica: Replica): Promise<Heard> {
  const instance = await world.instance()
  const heard: string[] = []
  const cancelled: number[] = []
  let server: Server | undefined
  instance.odoo.instead = async ({ ip, sayReady }) => {
    const body = instance.name
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
    server = createServer((socket) => {
      let at = -1
      socket.on('error', () => undefined)
      socket.on('close', () => at >= 0 && heard[at]?.startsWith('GET /slow') && cancelled.push(at))
      socket.on('data', (bytes) => {
        const text = bytes.toString('latin1')
        if (at >= 0) heard[at] += text
        else if (!isOurs.test(text)) at = heard.push(text) - 1
        if (!text.startsWith('GET /slow')) socket.end(answer)
      })
    })
    server.listen(httpPort, ip)
    await once(server, 'listening')
    await sayReady()
  }
  onTestFinished(() => void server?.close())
  await instance.scale(1)
  await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'awake', 60_000)
  return { instance, heard, cancelled }
}

async function clientOf(replica: Replica, text: string): Promise<End> {
  const socket = connect({ host: '127.0.0.1', port: replica.port, allowHalfOpen: true })
  const end = new End(socket)
  await once(socket, 'connect')
  return end.send(text)
}

async function meet(settings: Partial<WakeSettings> = {}): Promise<Heard & { readonly replica: Replica }> {
  const replica = await startReplica(world.kubernetes, settings)
  return { replica, ...(await listening(replica)) }
}

describe('what could be read in two ways', () => {
  it('never reaches the instance, or not as a whole request', { timeout: 240_000 }, async () => {
    const { replica, instance, heard } = await meet()
    const host = `Host: ${instance.host}`
    const answers: string[] = []
    for (const [what, text] of ambiguous) {
      const end = await clientOf(replica, text.replaceAll('Host: demo.localhost', host))
      await end.when(() => end.text !== '' || end.ended || end.closed !== undefined, 20_000)
      answers.push(`${what}: ${/^HTTP\/1\.1 [45]/.exec(end.text)?.[0] ?? end.text}`)
      end.socket.destroy()
    }
    expect(answers.filter((answer) => !/: (?:HTTP\/1\.1 [45])?$/.test(answer))).toEqual([])
    expect(heard).toEqual([])
    const smuggled = `GET /smuggled HTTP/1.1\r\n${host}\r\n\r\n`
    for (const [, chunks] of ambiguousChunks) {
      const end = await clientOf(
        replica,
        `POST / HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${smuggled}`,
      )
      await end.when(() => end.text !== '' || end.ended || end.closed !== undefined, 20_000)
      end.socket.destroy()
    }
    expect(heard.filter((text) => /\r\n0\r\n\r\n|smuggled/.test(text))).toEqual([])
  })

  it.each([
    [
      'a target that is too long',
      (host: string) => `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      414,
    ],
    [
      'a head that is too long',
      (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      431,
    ],
    ['no Host', () => 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\n\r\n`, 400],
    ['somebody else’s Host', () => 'GET / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n', 404],
    ['the database manager', (host: string) => `GET /web/database/manager HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 404],
    [
      'the database manager as an address',
      (host: string) => `GET http://${host}/web/database HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      404,
    ],
  ])('is answered and goes no further: %s', async (_what, text, status) => {
    const { replica, instance, heard } = await meet()
    const end = await clientOf(replica, text(instance.host))
    expect(await end.until(/^HTTP\/1\.1 \d\d\d/)).toBe(`HTTP/1.1 ${status}`)
    expect(heard).toEqual([])
  })
})

describe('what the instance is told of the client', () => {
  it.each([
    ['keep', 'a trusted proxy', ['127.0.0.0/8'], '203.0.113.9', 'https', 'shop.example'],
    ['extend', 'a trusted proxy', ['127.0.0.0/8'], '203.0.113.9, 127.0.0.1', 'https', 'shop.example'],
    ['keep', 'anybody else', ['10.0.0.0/8'], '127.0.0.1', 'http', undefined],
    ['extend', 'anybody else', ['10.0.0.0/8'], '127.0.0.1', 'http', undefined],
  ] as const)('%s: by %s', async (forwardedFor, _who, trustedProxies, chain, proto, host) => {
    const { replica, instance, heard } = await meet({ forwardedFor, trustedProxies })
    const said = 'X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n'
    const end = await clientOf(replica, `GET / HTTP/1.1\r\nHost: ${instance.host}\r\n${said}X-Real-IP: 6.6.6.6\r\n\r\n`)
    await end.until(/200 OK/)
    expect(heard[0]).toContain(`\r\nX-Forwarded-For: ${chain}\r\n`)
    expect(heard[0]).toContain(`\r\nX-Forwarded-Proto: ${proto}\r\n`)
    expect(heard[0]).toContain(`\r\nX-Forwarded-Host: ${host ?? instance.host}\r\n`)
    expect(heard[0]?.match(/X-Forwarded-(?:For|Proto|Host)/gi)).toHaveLength(3)
  })

  it('is each time about the instance that the request names, on one connection too', async () => {
    const { replica, instance, heard } = await meet({ trustedProxies: [] })
    const other = await listening(replica)
    const get = (host: string, evil: string): string =>
      `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: ${evil}\r\n\r\n`
    const end = await clientOf(
      replica,
      get(instance.host, other.instance.host) + get(other.instance.host, instance.host),
    )
    await end.until(new RegExp(`${instance.name}[^]*${other.instance.name}`))
    expect(heard).toHaveLength(1)
    expect(heard[0]).toContain(`X-Forwarded-Host: ${instance.host}\r\n`)
    expect(other.heard).toHaveLength(1)
    expect(other.heard[0]).toContain(`Host: ${other.instance.host}\r\n`)
  })
})

describe('a client that goes', () => {
  it('takes its request with it', async () => {
    const { replica, instance, heard, cancelled } = await meet()
    const end = await clientOf(replica, `GET /slow HTTP/1.1\r\nHost: ${instance.host}\r\n\r\n`)
    await until(() => heard.length === 1)
    end.socket.destroy()
    await until(() => cancelled.length === 1)
    await until(() => replica.wake.rooms.named(instance.name)?.usage?.inFlight === 0)
  })
})

describe('an upgrade', () => {
  it.each(['h2c', 'TLS/1.2', 'h2c, websocket'])('to %s is a request that did not ask for it', async (protocol) => {
    const { replica, instance, heard } = await meet()
    const asks = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABk\r\n`
    const end = await clientOf(replica, `GET / HTTP/1.1\r\nHost: ${instance.host}\r\n${asks}\r\n`)
    await end.until(/^HTTP\/1\.1 200/)
    expect(heard[0]).not.toMatch(/upgrade|http2/i)
  })

  it('to WebSocket carries messages of megabytes both ways, seen by the door and unchanged', async () => {
    const replica = await startReplica(world.kubernetes)
    const instance = await world.instance()
    await until(() => replica.wake.rooms.named(instance.name) !== undefined)
    const call = callOf(replica, instance)
    expect((await ask(call)).status).toBe(200)
    const socket = new WebSocket(`ws://127.0.0.1:${replica.port}/websocket`, { headers: { host: instance.host } })
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    const text = Array.from({ length: 500_000 }, (_, i) => String(i)).join(' ')
    for (const message of ['small', text, 'small again']) {
      socket.send(message)
      const [answer] = await once(socket, 'message')
      expect(String(answer) === `odoo heard ${message}`).toBe(true)
    }
  })
})
