import { describe, expect, it } from 'vitest'
import { answering, get, ok, openDoor, startInstance } from './ends.ts'

const HEAD = /\r\n\r\n/

describe('wake / forward: what goes through', () => {
  it('brings a request to the instance and its answer back', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(get('/web?debug=1', 'Accept: text/html', 'Cookie: session_id=abc'))
    const seen = await (await instance.connection(0)).until(HEAD)
    expect(seen).toBe(
      'GET /web?debug=1 HTTP/1.1\r\nHost: demo.localhost\r\nAccept: text/html\r\nCookie: session_id=abc\r\n' +
        'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: demo.localhost\r\n\r\n',
    )
    instance.ends[0]?.send(ok('hello', 'Content-Type: text/plain', 'Set-Cookie: a=1', 'Set-Cookie: b=2'))
    const answer = await client.until(/hello/)
    expect(answer).toBe(
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n' +
        '\r\nhello',
    )
    expect(await door.outcome(0)).toEqual({ outcome: 'answered', status: 200 })
  })

  it('keeps the headers that were set on the answer before', async () => {
    const instance = await startInstance(answering(ok('hello')))
    const door = await openDoor(instance.target)
    door.server.prependListener('request', (_request, response) => response.setHeader('X-Door', '1'))
    expect(await (await door.ask(get())).until(/hello/)).toContain('X-Door: 1\r\n')
  })

  it('uses one connection of each side for requests that follow one another', async () => {
    const instance = await startInstance(answering(ok('one'), ok('two'), ok('three')))
    const door = await openDoor(instance.target)
    const client = await door.client()
    for (const word of ['one', 'two', 'three']) await client.send(get()).until(new RegExp(word))
    expect(instance.ends).toHaveLength(1)
  })

  it('answers pipelined requests in their order', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(get('/1') + get('/2') + get('/3'))
    const ends = [await instance.connection(0), await instance.connection(1), await instance.connection(2)]
    for (const end of ends.toReversed()) end.send(ok(`answer to ${/GET (\S+)/.exec(await end.until(HEAD))?.[1]}`))
    const all = await client.until(/answer to \/3/)
    expect(all.match(/answer to \S\d/g)).toEqual(['answer to /1', 'answer to /2', 'answer to /3'])
  })

  it('lets go of the instance when the client of a pipelined request that has no turn yet goes', async () => {
    const instance = await startInstance()
    const door = await openDoor(instance.target)
    const client = await door.ask(get('/1') + get('/2'))
    const second = await instance.connection(1)
    client.socket.destroy()
    await second.gone()
    await Promise.all([door.outcome(0), door.outcome(1)])
    expect(door.outcomes).toEqual([{ outcome: 'client gone' }, { outcome: 'client gone' }])
  })

  it.each([
    ['HEAD with a length', 'HEAD', ok('').replace('Content-Length: 0', 'Content-Length: 5000'), 'Content-Length: 5000'],
    [
      'HEAD of something chunked',
      'HEAD',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      'Connection: keep-alive',
    ],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n', 'X-A: 1'],
    [
      '304 with the length of what it does not send',
      'GET',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n',
      'Content-Length: 77',
    ],
    ['an empty body', 'GET', ok('', 'X-A: 1'), 'Content-Length: 0'],
  ])('knows that %s has no body, and keeps both connections', async (_what, method, answer, line) => {
    const instance = await startInstance(answering(answer, ok('next')))
    const door = await openDoor(instance.target)
    const client = await door.ask(get().replace('GET', method))
    const head = await client.until(HEAD)
    expect(head).toContain(line)
    expect(head).not.toContain('Transfer-Encoding')
    await client.send(get()).until(/next/)
    expect(client.text).toBe('')
    expect(instance.ends).toHaveLength(1)
  })

  it('takes the length off a 204, for clients that would wait for the bytes', async () => {
    const instance = await startInstance(answering('HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n'))
    const client = await (await openDoor(instance.target)).ask(get())
    expect(await client.until(HEAD)).not.toMatch(/content-length/i)
  })

  it('passes a range request and its partial answer', async () => {
    const partial = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\n234'
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get('/file', 'Range: bytes=2-4', 'If-Range: "x"'))
    const end = await instance.connection(0)
    expect(await end.until(HEAD)).toContain('Range: bytes=2-4\r\nIf-Range: "x"\r\n')
    end.send(partial)
    expect(await client.until(/234/)).toContain('HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\n')
  })

  it('reads an answer that comes byte by byte', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    for (const byte of ok('slow', 'X-A: 1')) {
      end.send(byte)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(await client.until(/slow/)).toContain('X-A: 1')
  })

  it('reads a body that ends with the connection, and tells the client where it ends', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 200 OK\r\n\r\nfirst ').socket.end('last')
    expect(await client.until(/0\r\n\r\n/)).toMatch(/Transfer-Encoding: chunked\r\n[^]*first [^]*last/)
    client.send(get())
    await instance.connection(1)
  })

  it('keeps no socket of an instance that closes after each answer', async () => {
    const instance = await startInstance(answering(ok('bye', 'Connection: close')))
    const door = await openDoor(instance.target)
    const client = await door.client()
    for (let i = 1; i <= 3; i++) {
      await client.send(get()).until(/bye/)
      expect(instance.ends).toHaveLength(i)
    }
  })

  it('answers an HTTP/1.0 client without chunks and closes', async () => {
    const instance = await startInstance(
      answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n'),
    )
    const client = await (await openDoor(instance.target)).ask('GET / HTTP/1.0\r\nHost: demo.localhost\r\n\r\n')
    expect(await client.gone()).toBe('clean')
    expect(client.text).toMatch(/Connection: close\r\n\r\nabc$/)
    expect(client.text).not.toMatch(/chunked|Trailer/)
  })

  it('passes server-sent events on as they come', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get('/events'))
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    await client.until(HEAD)
    for (const event of ['data: a\n\n', 'data: b\n\n']) {
      end.send(`${event.length.toString(16)}\r\n${event}\r\n`)
      await client.until(new RegExp(event))
    }
  })

  it('passes chunks and trailers of an answer', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get('/', 'TE: trailers', 'Connection: TE'))
    const end = await instance.connection(0)
    expect(await end.until(HEAD)).toMatch(/Connection: TE\r\nTE: trailers\r\n\r\n$/)
    end.send(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;ext=1\r\nhello\r\n0\r\nX-Sum: 42\r\nContent-Length: 1\r\n\r\n',
    )
    const answer = await client.until(/0\r\n[^]*\r\n\r\n$/)
    expect(answer).toMatch(/Trailer: X-Sum\r\n[^]*\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n$/)
  })

  it('passes 103 and drops a 100 that nobody asked for', async () => {
    const instance = await startInstance(
      answering(
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${ok('page')}`,
      ),
    )
    const client = await (await openDoor(instance.target)).ask(get())
    expect(await client.until(/page/)).toMatch(
      /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>; rel=preload\r\n\r\nHTTP\/1.1 200 OK/,
    )
  })

  it.each([
    ['an address', 'GET http://demo.localhost/a?b HTTP/1.1', 'GET /a?b HTTP/1.1'],
    ['an address without a path', 'GET http://demo.localhost?b HTTP/1.1', 'GET /?b HTTP/1.1'],
    ['an asterisk', 'OPTIONS * HTTP/1.1', 'OPTIONS * HTTP/1.1'],
    ['a path with two slashes', 'GET //other.host/x HTTP/1.1', 'GET //other.host/x HTTP/1.1'],
  ])('sends a request for %s in the form a server expects', async (_what, line, seen) => {
    const instance = await startInstance()
    await (await openDoor(instance.target)).ask(`${line}\r\nHost: demo.localhost\r\n\r\n`)
    expect(await (await instance.connection(0)).until(HEAD)).toMatch(seen)
  })
})
