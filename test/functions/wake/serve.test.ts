// What Node's server says for the door before a request is one: real sockets, a door that must not be asked.
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { trafficServer } from '#functions/wake/serve.ts'
import { End, listen } from './connection/ends.ts'

async function visit(text: string): Promise<{ client: End; asked: () => number }> {
  let asked = 0
  const door = { request: () => void (asked += 1), upgrade: () => void (asked += 1) }
  const server = trafficServer(door, { headersTimeout: 200, connectionsCheckingInterval: 50 })
  const port = await listen(server)
  onTestFinished(() => void server.close())
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const client = new End(socket)
  await once(socket, 'connect')
  return { client: client.send(text), asked: () => asked }
}

describe('a request that is none', () => {
  it.each([
    ['a head that does not come to its end', 'GET / HTTP/1.1\r\nHost: demo.localhost\r\n', '408 Request Timeout'],
    ['a head without an end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`, '431 Request Header Fields Too Large'],
    ['no HTTP at all', '\x16\x03\x01\x02\x00', '400 Bad Request'],
    ['a length that is none', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', '400 Bad Request'],
  ])('is answered and the connection closed: %s', async (_what, text, status) => {
    const { client, asked } = await visit(text)
    await client.when(() => client.ended, 20_000)
    expect(client.text).toBe(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    expect(asked()).toBe(0)
  })
})
