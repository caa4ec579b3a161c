import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { get, ok, openDoor, startInstance, type End } from './ends.ts'

const HEAD = /\r\n\r\n/
const post = (...lines: string[]): string =>
  `POST /upload HTTP/1.1\r\nHost: demo.localhost\r\n${lines.join('\r\n')}\r\n\r\n`

describe('wake / forward: bodies', () => {
  it('sends a small request with its body in one write', async () => {
    const instance = await startInstance()
    let writes = 0
    await (await openDoor(instance.target)).ask(`${post('Content-Length: 5')}hello`)
    const end = await instance.connection(0)
    end.socket.on('data', () => writes++)
    expect(await end.until(/hello$/)).toMatch(/\r\nContent-Length: 5\r\n\r\nhello$/)
    expect(writes).toBeLessThanOrEqual(1)
  })

  it('passes chunks and trailers of a request, without the trailers that would frame it', async () => {
    const instance = await startInstance()
    const chunks = '3;name="v"\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\nX-Forwarded-For: 6.6.6.6\r\nHost: evil\r\n\r\n'
    await (await openDoor(instance.target)).ask(post('Transfer-Encoding: chunked', 'Trailer: X-Sum') + chunks)
    const seen = await (await instance.connection(0)).until(/0\r\n[^]*\r\n\r\n$/)
    expect(seen).toMatch(/\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n$/)
  })

  it('lets the instance decide whether a body that was announced is wanted', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(post('Content-Length: 5', 'Expect: 100-continue'))
    const end = await instance.connection(0)
    expect(await end.until(HEAD)).toContain('Expect: 100-continue\r\n')
    expect(client.text).toBe('')
    end.send('HTTP/1.1 100 Continue\r\n\r\n')
    expect(await client.until(HEAD)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('hello')
    await end.until(/hello/)
    end.send(ok('thanks'))
    expect(await client.until(/thanks/)).not.toContain('Connection: close')
  })

  it('passes the refusal of an announced body, and closes, because the body may come all the same', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(post('Content-Length: 5', 'Expect: 100-continue'))
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')
    expect(await client.until(/no$/)).toMatch(/^HTTP\/1.1 413 Too Large\r\n[^]*Connection: close/)
    expect(await end.gone()).toBe('clean')
  })

  it('delivers an answer that comes before the request is whole, then closes both connections', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(`${post('Content-Length: 1000000')}some`)
    const end = await instance.connection(0)
    await end.until(/some/)
    end.send('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')
    expect(await client.until(/no$/)).toContain('Connection: close')
    client.send('x'.repeat(999_996))
    expect(await client.gone()).toBe('clean')
    expect(await end.gone()).toBe('clean')
  })

  it.each([
    ['with a length', (size: number) => [`Content-Length: ${size}\r\n\r\n`, '']],
    ['in chunks', (size: number) => [`Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n`, '\r\n0\r\n\r\n']],
  ])('brings 32 MB %s back byte for byte', async (_how, framed) => {
    const bytes = Buffer.alloc(32 * 1024 * 1024, 'some words that are not all the same ')
    const [before = '', after = ''] = framed(bytes.length)
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get('/', 'Connection: close'))
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send(`HTTP/1.1 200 OK\r\n${before}`).send(bytes).send(after)
    await client.when(() => client.ended, 20_000)
    const body = Buffer.from(client.text.slice(client.text.indexOf('\r\n\r\n') + 4), 'latin1')
    expect(sha(before.includes('chunked') ? unchunked(body) : body)).toBe(sha(bytes))
  })

  it.each([
    ['in pieces that fill no read', 40_000, ''],
    ['in chunks of which a read holds several', 20_000, 'chunked'],
  ])('does not overwrite what a client has not taken yet, %s', { timeout: 60_000 }, async (_how, size, coding) => {
    const bytes = randomBytes(16 * 1024 * 1024)
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get('/', 'Connection: close'))
    const end = await instance.connection(0)
    await end.until(HEAD)
    client.socket.pause()
    const chunked = coding === 'chunked'
    end.send(`HTTP/1.1 200 OK\r\n${chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`}\r\n\r\n`)
    const wholes = Math.ceil(bytes.length / size)
    for (let i = 0; i < wholes; i++) {
      const piece = bytes.subarray(i * size, (i + 1) * size)
      if (chunked)
        end
          .send(`${piece.length.toString(16)}\r\n`)
          .send(piece)
          .send('\r\n')
      else end.send(piece)
      if (i % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    if (chunked) end.send('0\r\n\r\n')
    client.socket.resume()
    await client.when(() => client.ended, 30_000)
    const body = Buffer.from(client.text.slice(client.text.indexOf('\r\n\r\n') + 4), 'latin1')
    expect(sha(chunked ? unchunked(body) : body)).toBe(sha(bytes))
  })

  it('never mixes large bodies of many clients, of which some are slow and some go', { timeout: 60_000 }, async () => {
    const size = 2_000_000
    const instance = await startInstance((end) => {
      end.socket.on('data', () => {
        const letter = /GET \/(.)[^]*\r\n\r\n/.exec(end.text)?.[1]
        if (letter === undefined) return
        end.text = ''
        const chunked = letter.charCodeAt(0) % 2 === 0
        end.send(`HTTP/1.1 200 OK\r\n${chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`}\r\n\r\n`)
        for (let sent = 0; sent < size; sent += 20_000) {
          end.send(chunked ? `4e20\r\n${letter.repeat(20_000)}\r\n` : letter.repeat(20_000))
        }
        if (chunked) end.send('0\r\n\r\n')
      })
    })
    const door = await openDoor(instance.target, { limits: { sockets: 6 } })
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWX'.split('')
    const fetch = async (letter: string, i: number): Promise<void> => {
      const client = await door.ask(get(`/${letter}`, 'Connection: close'))
      if (i % 5 === 0) {
        await client.when(() => client.bytes > 100_000, 30_000)
        client.socket.destroy()
        return
      }
      if (i % 3 === 0) {
        client.socket.pause()
        setTimeout(() => client.socket.resume(), 100)
      }
      await client.when(() => client.ended, 30_000)
      const body = client.text.slice(client.text.indexOf('\r\n\r\n') + 4)
      expect(body.replaceAll(letter, '').replaceAll(/[0-9a-f\r\n]/g, '')).toBe('')
      expect(body.split(letter)).toHaveLength(size + 1)
    }
    await Promise.all(letters.map(fetch))
  })

  // The whole promise, 2 GB, takes a minute on two slow cores: UPLOAD_MB=2048.
  const megabytes = Number(process.env['UPLOAD_MB'] ?? 192)
  /** Three ends in one process, each with what V8 has not collected yet. */
  const FLAT_MB = 128

  it(`streams an upload of ${megabytes} MB to a slow instance in flat memory`, { timeout: 300_000 }, async () => {
    const instance = await startInstance((end) => (end.keepText = false))
    const door = await openDoor(instance.target)
    const size = megabytes * 1024 * 1024
    const client = await door.ask(post(`Content-Length: ${size}`))
    const end = await instance.connection(0)
    const most = await pour(client, size, end)
    await end.when(() => end.bytes >= size, 60_000)
    end.send(ok('got it'))
    await client.until(/got it/)
    expect(most / 1024 / 1024).toBeLessThan(FLAT_MB)
  })

  it(`streams a download of ${megabytes} MB to a slow client in flat memory`, { timeout: 300_000 }, async () => {
    const instance = await startInstance()
    const size = megabytes * 1024 * 1024
    const client = await (await openDoor(instance.target)).client()
    client.keepText = false
    client.send(get())
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    const most = await pour(end, size, client)
    await client.when(() => client.bytes >= size, 60_000)
    expect(most / 1024 / 1024).toBeLessThan(FLAT_MB)
  })

  it.each(['Content-Length: 60000000', 'Transfer-Encoding: chunked'])(
    'stops reading from a client whose instance does not read, %s',
    async (framing) => {
      const instance = await startInstance()
      const client = await (await openDoor(instance.target)).ask(post(framing))
      const end = await instance.connection(0)
      await end.until(HEAD)
      end.socket.pause()
      const piece = framing.includes('chunked') ? `ea60\r\n${'x'.repeat(60_000)}\r\n` : 'x'.repeat(60_000)
      for (let i = 0; i < 1000; i++) client.send(piece)
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(client.socket.writableLength).toBeGreaterThan(20_000_000)
    },
  )

  it('stops reading from an instance whose client does not read', async () => {
    const instance = await startInstance()
    const client = await (await openDoor(instance.target)).ask(get())
    client.socket.pause()
    const end = await instance.connection(0)
    await end.until(HEAD)
    end.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const piece = `10000\r\n${'x'.repeat(65536)}\r\n`
    for (let i = 0; i < 1000; i++) end.send(piece)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(end.socket.writableLength).toBeGreaterThan(20_000_000)
  })
})

/** Writes `size` bytes as fast as they are taken; the other end rests now and then. The most that resident memory grew. */
async function pour(from: End, size: number, to: End): Promise<number> {
  const piece = Buffer.alloc(256 * 1024, 'x')
  const start = process.memoryUsage.rss()
  let most = 0
  for (let sent = 0; sent < size; sent += piece.length) {
    if (!from.socket.write(piece)) await new Promise((resolve) => from.socket.once('drain', resolve))
    if (sent % (32 * 1024 * 1024) === 0) {
      to.socket.pause()
      setTimeout(() => to.socket.resume(), 50)
    }
    most = Math.max(most, process.memoryUsage.rss() - start)
  }
  return most
}

function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, end), 16)
    if (size === 0) return Buffer.concat(parts)
    parts.push(body.subarray(end + 2, end + 2 + size))
    at = end + 4 + size
  }
}

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
