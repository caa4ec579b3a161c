import { describe, expect, it } from 'vitest'
import { answering, get, ok, openDoor, startInstance, type End } from './ends.ts'
import { ambiguous, ambiguousChunks, POST } from './smuggling.ts'

// What the instance may see is what we meant, framed by us, or nothing at all.
describe('wake / forward: smuggling', () => {
  it.each(ambiguous)('lets the instance see nothing of %s', async (_name, attack) => {
    const instance = await startInstance(answering(ok('seen')))
    const client = await (await openDoor(instance.target)).ask(attack)
    await client.gone()
    expect(instance.ends.map((end) => end.text)).toEqual([])
    expect(client.text).toMatch(/^HTTP\/1.1 (400|501|505)|^$/)
  })

  it.each(ambiguousChunks)('never lets the instance see an end of a chunked body with %s', async (_name, body) => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(`${POST}Transfer-Encoding: chunked\r\n\r\n`)
    const end = await instance.connection(0)
    await end.until(/\r\n\r\n$/)
    await client.send(body + get('/smuggled')).gone()
    await end.gone()
    expect(end.text).not.toMatch(/0\r\n\r\n|smuggled/)
    expect(instance.ends).toHaveLength(1)
  })

  it.each([
    ['a head that is too long', get('/', `X-A: ${'x'.repeat(40_000)}`), '431'],
    ['too many headers', get('/', ...Array.from({ length: 501 }, (_, i) => `X${i}: 1`)), '431'],
    ['a length behind 2,000 headers', `${POST}${'a:b\r\n'.repeat(2_500)}Content-Length: 4\r\n\r\nbody`, '431'],
    ['a target that is too long', get(`/${'x'.repeat(20_000)}`), '414'],
  ])('answers %s itself', async (_name, request, status) => {
    const instance = await startInstance(answering(ok('seen')))
    const client = await (await openDoor(instance.target)).ask(request)
    await client.gone()
    expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(instance.ends).toEqual([])
  })

  it('drops chunk extensions and writes its own sizes', async () => {
    const instance = await startInstance()
    const body = '003;x=" 0\t";y\r\nabc\r\n0;z\r\n\r\n'
    await (await openDoor(instance.target)).ask(`${POST}Transfer-Encoding: chunked\r\n\r\n${body}`)
    expect(await bodySeen(await instance.connection(0))).toBe('3\r\nabc\r\n0\r\n\r\n')
  })

  it.each([
    [
      'Connection: content-length',
      `${POST}Connection: content-length\r\nContent-Length: 4\r\n\r\nbody`,
      'Content-Length: 4\r\n',
    ],
    [
      'Connection: transfer-encoding',
      `${POST}Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
      'Transfer-Encoding: chunked\r\n',
    ],
    ['Connection: host', `${POST}Connection: host\r\nContent-Length: 4\r\n\r\nbody`, 'Host: demo.localhost\r\n'],
    [
      'Connection: x-forwarded-for',
      `${POST}Connection: x-forwarded-for, x-forwarded-host\r\nContent-Length: 4\r\n\r\nbody`,
      'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: demo.localhost\r\n',
    ],
  ])('does not let "%s" take the framing or the origin out of a request', async (_name, attack, line) => {
    const instance = await startInstance()
    await (await openDoor(instance.target)).ask(attack)
    const seen = await (await instance.connection(0)).until(/body/)
    expect(seen).toContain(line)
    expect(seen).not.toMatch(/^connection:/im)
  })

  it('takes out what Connection names, wherever it stands, and what ends at each hop', async () => {
    const instance = await startInstance()
    const lines = [
      'X-Hop: 1',
      'Connection: X-Hop, keep-alive',
      'x-hop: 2',
      'Keep-Alive: 9',
      'Proxy-Connection: x',
      'Proxy-Authorization: y',
    ]
    await (await openDoor(instance.target)).ask(get('/', ...lines, 'X-End: kept'))
    const seen = await (await instance.connection(0)).until(/\r\n\r\n/)
    expect(seen).toContain('X-End: kept')
    expect(seen).not.toMatch(/hop|keep-alive|proxy/i)
  })

  it.each([
    ['X_Forwarded_For: 6.6.6.6'],
    ['X-Forwarded_Host: evil'],
    ['Content_Length: 100'],
    ['Transfer_Encoding: chunked'],
    ['X_Real_IP: 6.6.6.6'],
    ['X-Real-IP: 6.6.6.6'],
    ['Forwarded: for=6.6.6.6'],
    ['X-Forwarded-Server: evil'],
    ['X-Odoo-Dbfilter: other'],
  ])('does not pass on "%s", which a WSGI server might believe', async (line) => {
    const instance = await startInstance()
    await (await openDoor(instance.target)).ask(get('/', line))
    const seen = await (await instance.connection(0)).until(/\r\n\r\n/)
    expect(seen).not.toContain(`\n${line.split(':')[0]}`)
  })

  it('treats a request that asks for h2c as one that does not', async () => {
    const instance = await startInstance(answering(ok('plain')))
    const door = await openDoor(instance.target)
    const client = await door.ask(
      get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    )
    await client.until(/plain/)
    const end = await instance.connection(0)
    expect(end.socket.bytesRead).toBeGreaterThan(0)
    expect(await door.outcome(0)).toEqual({ outcome: 'answered', status: 200 })
  })

  it('gives each client of a shared socket its own request only', async () => {
    const instance = await startInstance(answering(ok('one'), ok('two')))
    const door = await openDoor(instance.target)
    const first = await door.ask(`${POST}Content-Length: 0\r\n\r\n`)
    await first.until(/one/)
    await (await door.ask(get('/second'))).until(/two/)
    expect(instance.ends).toHaveLength(1)
  })
})

async function bodySeen(end: End): Promise<string> {
  const seen = await end.until(/0\r\n\r\n/)
  return seen.slice(seen.indexOf('\r\n\r\n') + 4)
}
