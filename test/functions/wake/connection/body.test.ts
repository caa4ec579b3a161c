import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkedReader, LengthReader, type BodyReader } from '#functions/wake/connection/body.ts'

/** Gives `wire` to a reader in pieces of the given sizes; what it took for body, and where it stopped. */
function read(reader: BodyReader, wire: string, cuts: readonly number[]) {
  const bytes = Buffer.from(wire, 'latin1')
  let body = ''
  let at = 0
  for (let i = 0; at < bytes.length && !reader.done; i++) {
    const to = Math.min(bytes.length, at + (cuts[i % Math.max(1, cuts.length)] ?? bytes.length))
    const stop = reader.take(bytes, at, to, (piece, from, end) => (body += piece.toString('latin1', from, end)))
    if (typeof stop !== 'number') return { lie: stop.lie, body }
    at = stop
  }
  return { body, at }
}

const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })
const pieces = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }), { maxLength: 8 })

describe('wake / connection / body', () => {
  it('finds the same chunked body however the bytes are cut, and stops right behind it', () => {
    fc.assert(
      fc.property(pieces, cuts, fc.constantFrom('', 'HTTP/1.1 200 OK\r\n'), (chunks, sizes, rest) => {
        const wire = `${chunks.map((chunk) => `${chunk.length.toString(16)};x=1\r\n${chunk}\r\n`).join('')}0\r\nX-Sum: 1\r\n\r\n`
        const reader = new ChunkedReader(1_000)
        expect(read(reader, wire + rest, sizes)).toEqual({ body: chunks.join(''), at: wire.length })
        expect(reader.done).toBe(true)
        expect(reader.trailers).toEqual(['X-Sum', '1'])
      }),
    )
  })

  it('finds the same body of a length however the bytes are cut, and stops right behind it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', minLength: 1 }), cuts, (body, sizes) => {
        expect(read(new LengthReader(body.length), `${body}more`, sizes)).toEqual({ body, at: body.length })
      }),
    )
  })

  it('never takes a damaged chunked body for a whole one that says something else', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.integer({ min: 0, max: 255 }), cuts, (place, byte, sizes) => {
        const wire = '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'
        const damaged = wire.slice(0, place) + String.fromCharCode(byte) + wire.slice(place + 1)
        const reader = new ChunkedReader(1_000)
        const { body } = read(reader, damaged, sizes)
        if (reader.done) expect([11, 5, 0]).toContain(body.length)
      }),
    )
  })
})
