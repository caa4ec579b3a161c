import { describe, expect, it } from 'vitest'
import { fieldsOf, responseHead, trailerFields } from '#functions/wake/connection/response-head.ts'

const read = (lines: string[], status = '200 OK', version = '1.1', bodiless = false) =>
  responseHead(`HTTP/${version} ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`, bodiless)

function fields(lines: string[], status?: string): string[] {
  const head = read(lines, status)
  return 'lie' in head ? [head.lie] : fieldsOf(head)
}

describe('wake / connection / response head', () => {
  it.each([
    ['a length', ['Content-Length: 5'], '200 OK', false, 5],
    ['a length of nothing', ['content-length:0'], '200 OK', false, 0],
    ['chunks', ['Transfer-Encoding: Chunked'], '200 OK', false, 'chunked'],
    ['neither', [], '200 OK', false, 'until close'],
    ['HEAD', ['Content-Length: 5'], '200 OK', true, 'none'],
    ['204', [], '204 No Content', false, 'none'],
    ['304', ['Content-Length: 5'], '304 Not Modified', false, 'none'],
  ])('knows where a body with %s ends', (_what, lines, status, bodiless, body) => {
    expect(read(lines, status, '1.1', bodiless)).toMatchObject({ body })
  })

  it.each([
    ['HTTP/1.1', '1.1', [], true],
    ['HTTP/1.1 with close', '1.1', ['Connection: close'], false],
    ['HTTP/1.1 with close among others', '1.1', ['Connection: foo, Close'], false],
    ['HTTP/1.0', '1.0', [], false],
    ['HTTP/1.0 with keep-alive', '1.0', ['Connection: Keep-Alive'], true],
  ])('knows whether a socket of %s stays open', (_what, version, lines, keep) => {
    expect(read(['Content-Length: 1', ...lines], '200 OK', version)).toMatchObject({ keep })
  })

  it('keeps every header of the answer, in order, twice where it stands twice, byte for byte', () => {
    const lines = [
      'Set-Cookie: a=1',
      'set-cookie: b=2',
      'X-Name:\t  caf\xc3\xa9 \xc3\xa0 \t',
      'X-Empty:',
      'Content-Length: 1',
    ]
    const kept = [
      'Set-Cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'X-Name',
      'caf\xc3\xa9 \xc3\xa0',
      'X-Empty',
      '',
      'Content-Length',
      '1',
    ]
    expect(fields(lines)).toEqual(kept)
  })

  it.each([
    [
      'hop-by-hop fields',
      ['Connection: X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=5', 'Proxy-Connection: x', 'TE: x', 'X-End: 1'],
      ['X-End', '1'],
    ],
    ['the length of a 204', ['Content-Length: 1', 'X-End: 1'], ['X-End', '1'], '204 No Content'],
  ])('drops %s', (_what, lines, kept, status = '200 OK') => {
    expect(fields(lines, status)).toEqual(kept)
  })

  it('does not let Connection take the length away', () => {
    expect(fields(['Connection: content-length', 'Content-Length: 1'])).toEqual(['Content-Length', '1'])
  })

  it.each([
    [true, ['Content-Length: 1', 'X-Connection: close'], '200 OK', '1.1'],
    [true, [], '304 Not Modified', '1.1'],
    [true, [], '204 No Content', '1.1'],
    [false, ['Content-Length: 1'], '204 No Content', '1.1'],
    [false, ['Content-Length: 1'], '200 OK', '1.0'],
    [false, ['Content-Length: 1', 'connection:keep-alive'], '200 OK', '1.1'],
    [false, ['Content-Length: 1', 'Keep-Alive: timeout=5'], '200 OK', '1.1'],
    [false, ['Transfer-Encoding: chunked'], '200 OK', '1.1'],
    [false, ['Content-Length: 1', 'Upgrade: h2c'], '200 OK', '1.1'],
    [false, ['Content-Length: 1', 'Trailer: x'], '200 OK', '1.1'],
  ])('says %s to passing on %j of %s in HTTP/%s as it came', (passable, lines, status, version) => {
    expect(read(lines, status, version)).toMatchObject({ passable })
  })

  it('reads a status without a reason, and one with bytes beyond ASCII', () => {
    expect(read(['Content-Length: 1'], '200')).toMatchObject({ status: 200, reason: '' })
    expect(read(['Content-Length: 1'], '404 Gibt\xe4s nicht')).toMatchObject({ status: 404, reason: 'Gibt\xe4s nicht' })
  })

  it('judges a hostile head of 64 KB within a few milliseconds', () => {
    const hostile = `HTTP/1.1 200 OK\r\n${'a:\t \t \t'.repeat(9_000)}\x01\r\n\r\n`
    const started = process.cpuUsage()
    expect(responseHead(hostile, false)).toHaveProperty('lie')
    // What others do on this machine meanwhile does not count.
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(100)
  })

  it('drops framing from trailers', () => {
    expect(trailerFields('X-Sum: 1\r\nContent-Length: 3\r\nConnection: x\r\n\r\n')).toEqual(['X-Sum', '1'])
    expect(trailerFields('no colon\r\n\r\n')).toHaveProperty('lie')
  })
})
