import { createServer } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Address, hostOf, openFrontDoor } from '#local/front-door.ts'

interface Backend extends AsyncDisposable {
  readonly address: Address
}

async function listening(server: Server, name = '127.0.0.1'): Promise<Backend> {
  await new Promise<void>((done) => server.listen(0, name, done))
  return {
    address: { host: name, port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      await new Promise((done) => server.close(done))
    },
  }
}

/** Says its name and what it heard. */
function web(name: string): Promise<Backend> {
  return listening(
    createServer((request, response) => response.end(JSON.stringify({ name, headers: request.rawHeaders }))),
  )
}

async function door(replicas: readonly Address[], console?: Address, headTimeoutMs = 5000) {
  const opened = await openFrontDoor({ port: 0, console: () => console, replicas: () => replicas, headTimeoutMs })
  return { port: opened.port, [Symbol.asyncDispose]: () => opened.close() }
}

/** Sends text over a raw connection and gives everything that came back until its end. */
function raw(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect(port, host)
    let heard = ''
    socket.on('data', (chunk) => (heard += chunk.toString()))
    socket.on('error', fail)
    socket.on('close', () => done(heard))
    socket.write(text)
  })
}
const get = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`

describe('front door', () => {
  it('leads localhost to the console and every other host to a wake replica', async () => {
    await using console = await web('console')
    await using wake = await web('wake')
    await using front = await door([wake.address], console.address)
    expect(await raw(front.port, get(`localhost:${front.port}`))).toContain('"name":"console"')
    expect(await raw(front.port, get('127.0.0.1'))).toContain('"name":"console"')
    expect(await raw(front.port, get(`demo.localhost:${front.port}`))).toContain('"name":"wake"')
    expect(await raw(front.port, get('DEMO.example.org'))).toContain('"name":"wake"')
  })

  it('listens on ::1 too, because browsers choose', async () => {
    await using wake = await web('wake')
    await using front = await door([wake.address])
    expect(await raw(front.port, get('demo.localhost'), '::1')).toContain('"name":"wake"')
  })

  it('adds and changes no header', async () => {
    await using wake = await web('wake')
    await using front = await door([wake.address])
    const answer = await raw(front.port, get('Demo.localhost'))
    expect(JSON.parse(answer.slice(answer.indexOf('{'))).headers).toEqual([
      'Host',
      'Demo.localhost',
      'Connection',
      'close',
    ])
  })

  it('takes turns, and tries the next replica when one refuses', async () => {
    await using first = await web('first')
    await using second = await web('second')
    const gone = await web('gone')
    await gone[Symbol.asyncDispose]()
    await using front = await door([first.address, gone.address, second.address])
    const names = new Set<string>()
    for (let n = 0; n < 6; n += 1) {
      const answer = await raw(front.port, get('demo.localhost'))
      names.add(JSON.parse(answer.slice(answer.indexOf('{'))).name)
    }
    expect(names).toEqual(new Set(['first', 'second']))
  })

  it('passes bytes both ways after an upgrade, and the end of either side', async () => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
        socket.on('data', (chunk) => socket.end(`echo ${chunk.toString()}`))
      })
    })
    await using wake = await listening(server)
    await using front = await door([wake.address])
    const heard = await new Promise<string>((done) => {
      const socket = connect(front.port, '127.0.0.1')
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString()
        if (text.endsWith('\r\n\r\n')) socket.write('frame')
      })
      socket.on('close', () => done(text))
      socket.write('GET /websocket HTTP/1.1\r\nHost: demo.localhost\r\nUpgrade: websocket\r\n\r\n')
    })
    expect(heard).toContain('echo frame')
  })

  it.each([
    ['no replica is ready: 503', [get('demo.localhost')], '503 Service Unavailable'],
    ['the console is not up yet: 503', [get('localhost')], '503 Service Unavailable'],
    ['the head never comes: 408', ['GET / HTTP/1.1\r\n'], '408 Request Timeout'],
    ['the head has no end: 431', [`GET / HTTP/1.1\r\nx: ${'x'.repeat(70_000)}`], '431 Request Header'],
  ])('answers when %s', async (_, [text], status) => {
    await using front = await door([], undefined, 200)
    expect(await raw(front.port, text ?? '')).toContain(status)
  })

  it('rejects when the port is taken', async () => {
    await using taken = await web('taken')
    const again = openFrontDoor({ port: taken.address.port, console: () => undefined, replicas: () => [] })
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it.each([
    ['GET / HTTP/1.1\r\nHost: A.localhost:8080\r\n\r\n', 'a.localhost'],
    ['GET / HTTP/1.1\r\nhost:[::1]:8080\r\n\r\n', '[::1]'],
    ['GET / HTTP/1.0\r\n\r\n', ''],
    ['GET / HTTP/1.1\r\nHost: a.loc', undefined],
    ['POST / HTTP/1.1\r\nx: 1\r\n\r\nbody\r\nHost: evil\r\n', ''],
  ])('reads the host of %j', (head, host) => {
    expect(hostOf(Buffer.from(head))).toBe(host)
  })
})
