import { describe, expect, it } from 'vitest'
import { responseHead, trailerFields } from '#functions/wake/connection/response-head.ts'

const read = (lines: string[], status = '200 OK', version = '1.1', bodiless = false) =>
  responseHead(`HTTP/${version} ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`, bodiless)

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
    expect(
      read([
        'Set-Cookie: a=1',
        'set-cookie: b=2',
        'X-Name:\t  caf\xc3\xa9 \xc3\xa0 \t',
        'X-Empty:',
        'Content-Length: 1',
      ]),
    ).toMatchObject({
      headers: [
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
      ],
    })
  })

  it('drops what is only about the hop to the instance', () => {
    const lines = [
      'Connection: X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: x',
      'TE: x',
      'X-End: 1',
      'Content-Length: 1',
    ]
    expect(read(lines)).toMatchObject({ headers: ['X-End', '1', 'Content-Length', '1'] })
  })

  it('does not let Connection take the length away', () => {
    expect(read(['Connection: content-length', 'Content-Length: 1'])).toMatchObject({
      headers: ['Content-Length', '1'],
      body: 1,
    })
  })

  it('reads a status without a reason, and one with bytes beyond ASCII', () => {
    expect(read(['Content-Length: 1'], '200')).toMatchObject({ status: 200, reason: '' })
    expect(read(['Content-Length: 1'], '404 Gibt\xe4s nicht')).toMatchObject({ status: 404, reason: 'Gibt\xe4s nicht' })
  })

  it('judges a hostile head of 64 KB within a few milliseconds', () => {
    const hostile = `HTTP/1.1 200 OK\r\n${'a:\t \t \t'.repeat(9_000)}\x01\r\n\r\n`
    const started = performance.now()
    expect(responseHead(hostile, false)).toHaveProperty('lie')
    expect(performance.now() - started).toBeLessThan(100)
  })

  it('drops framing from trailers', () => {
    expect(trailerFields('X-Sum: 1\r\nContent-Length: 3\r\nConnection: x\r\n\r\n')).toEqual(['X-Sum', '1'])
    expect(trailerFields('no colon\r\n\r\n')).toHaveProperty('lie')
  })
})
