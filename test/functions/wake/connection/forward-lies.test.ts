import { describe, expect, it } from 'vitest'
import { answering, get, ok, openDoor, startInstance } from './ends.ts'

const HEAD = /\r\n\r\n/
const S = 'HTTP/1.1 200 OK\r\n'

// An answer that contradicts itself harms the one who asked for it, and nobody else.
describe('wake / forward: answers that lie', () => {
  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi'],
    ['a status with two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi'],
    ['a status beyond 599', 'HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nhi'],
    ['two lengths that differ', `${S}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`],
    ['two lengths that agree', `${S}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`],
    ['a list of lengths', `${S}Content-Length: 2, 2\r\n\r\nhi`],
    ['a length with a sign', `${S}Content-Length: +2\r\n\r\nhi`],
    ['a negative length', `${S}Content-Length: -2\r\n\r\nhi`],
    ['an empty length', `${S}Content-Length:\r\n\r\nhi`],
    ['a length beside chunks', `${S}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`],
    ['a coding under chunked', `${S}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['two codings', `${S}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a space before a colon', `${S}Content-Length : 2\r\n\r\nhi`],
    ['a folded header', `${S}X-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nhi`],
    ['a bare LF', `${S}X-A: 1\nContent-Length: 2\r\n\r\nhi`],
    ['a bare CR', `${S}X-A: 1\rX-B: 2\r\nContent-Length: 2\r\n\r\nhi`],
    ['a NUL', `${S}X-A: 1\0\r\nContent-Length: 2\r\n\r\nhi`],
    ['a header without a name', `${S}: 1\r\nContent-Length: 2\r\n\r\nhi`],
    ['a body longer than its length', `${S}Content-Length: 2\r\n\r\nhi there`],
    ['another answer right behind', `${S}Content-Length: 2\r\n\r\nhi${ok('poison')}`],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['a head without an end', `${S}${'X-A: 1\r\n'.repeat(9_000)}`],
    ['hints without an end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40)],
  ])('answers 502 to %s, and uses the socket no more', async (_name, lie) => {
    const instance = await startInstance((end, index) => answering(index === 0 ? lie : ok('honest'))(end))
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    expect(await client.until(/HTTP\/1.1 502 [^]*\r\n\r\n/)).toBeDefined()
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'lying response' } })
    expect(await instance.ends[0]?.gone()).toBeDefined()
    await (await door.ask(get())).until(/honest/)
    expect(instance.ends).toHaveLength(2)
  })

  it.each([
    ['a body that is too long, in a later packet', `${S}Content-Length: 5\r\n\r\nhe`, 'llo and more'],
    ['a chunk size that is none', `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, 'zz\r\n'],
    ['a chunk size with a sign', `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, '+1\r\nx\r\n0\r\n\r\n'],
    ['a chunk longer than its size', `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, '1\r\nxyz\r\n0\r\n\r\n'],
    ['a chunk that ends with a bare LF', `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, '1\r\nx\n0\r\n\r\n'],
    ['a size that ends with a bare LF', `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, '1\nx\r\n0\r\n\r\n'],
    [
      'a size of too many digits',
      `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
      '0000000000000001\r\nx\r\n0\r\n\r\n',
    ],
    ['an extension without an end', `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, `1;${'x'.repeat(2_000)}`],
    ['trailers that are none', `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, '0\r\nno colon\r\n\r\n'],
    [
      'trailers without an end',
      `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
      `0\r\n${'X: 1\r\n'.repeat(12_000)}`,
    ],
    [
      'something behind the last chunk',
      `${S}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
      `0\r\n\r\n${ok('poison')}`,
    ],
  ])('cuts the client off at %s, and uses the socket no more', async (_name, sent, lie) => {
    const instance = await startInstance((end, index) => void (index > 0 && answering(ok('honest'))(end)))
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send(sent)
    await client.until(/(he|abc\r\n)$/)
    end.send(lie)
    await client.gone()
    expect(client.text).not.toMatch(/poison|0\r\n\r\n|and more/)
    expect(await door.outcome(0)).toMatchObject({ outcome: 'broken', error: { fault: 'lying response' } })
    await (await door.ask(get())).until(/honest/)
  })

  it.each([
    ['HEAD', get().replace('GET', 'HEAD'), `${S}Content-Length: 6\r\n\r\npoison`],
    ['204', get(), 'HTTP/1.1 204 No Content\r\n\r\npoison'],
    ['304', get(), 'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison'],
  ])(
    'delivers %s without the body that must not be there, and uses the socket no more',
    async (_name, request, answer) => {
      const instance = await startInstance((end, index) => answering(index === 0 ? answer : ok('honest'))(end))
      const door = await openDoor(instance.target)
      const client = await door.ask(request)
      await client.until(HEAD)
      expect(await client.send(get()).until(/honest/)).not.toContain('poison')
      expect(instance.ends).toHaveLength(2)
    },
  )

  it('does not take what an instance says unasked for the answer to the next request', async () => {
    const instance = await startInstance((end, index) => answering(index === 0 ? ok('one') : ok('honest'))(end))
    const door = await openDoor(instance.target)
    const client = await door.ask(get())
    await client.until(/one/)
    const [end] = instance.ends
    end?.send(ok('poison'))
    await end?.gone()
    expect(await client.send(get()).until(/honest/)).not.toContain('poison')
  })

  it.each(['poison', 'a reset'])(
    'asks on another socket, even a POST, when %s meets a request that has not left yet',
    async (what) => {
      const instance = await startInstance((end, index) => answering(index === 0 ? ok('one') : ok('honest'))(end))
      const door = await openDoor(instance.target)
      const client = await door.ask(get())
      await client.until(/one/)
      const kept = await instance.connection(0)
      // Both are there when the door reads next, the request first.
      client.send('POST / HTTP/1.1\r\nHost: demo.localhost\r\n\r\n')
      if (what === 'poison') kept.send(ok('poison'))
      else kept.socket.resetAndDestroy()
      expect(await client.until(/honest/)).not.toContain('poison')
      expect(kept.text).not.toContain('POST')
      expect(instance.ends).toHaveLength(2)
    },
  )

  it('never mixes the answers of many clients over few sockets, some of which lie', { timeout: 30_000 }, async () => {
    let served = 0
    const instance = await startInstance((end) => {
      end.socket.on('data', () => {
        const asked = /GET \/(\d+)[^]*?\r\n\r\n/.exec(end.text)
        if (asked === null) return
        end.text = ''
        served += 1
        const body = `<${asked[1]}>`
        if (served % 7 === 0) end.send(ok(body) + ok('<poison>'))
        else if (served % 11 === 0) end.send(`${S}Content-Length: 20\r\n\r\n${body}`).socket.end()
        else end.send(ok(body))
      })
    })
    const door = await openDoor(instance.target, { limits: { sockets: 4 } })
    const asks = Array.from({ length: 24 }, async (_, lane) => {
      for (let i = 0; i < 20; i++) {
        const client = await door.ask(get(`/${lane * 1_000 + i}`, 'Connection: close'))
        await client.when(() => client.ended || client.closed !== undefined)
        const said = /<(.*)>/.exec(client.text)?.[1]
        if (said !== undefined) expect(said).toBe(String(lane * 1_000 + i))
      }
    })
    await Promise.all(asks)
    expect(served).toBeGreaterThanOrEqual(480)
  })
})
