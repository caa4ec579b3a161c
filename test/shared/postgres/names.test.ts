import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identifier, InvalidName, literal } from '#shared/postgres/names.ts'

describe('a name in a statement', () => {
  it.each([
    ['a plain name', 'odoo_shop', '"odoo_shop"'],
    ['upper case, which must not be folded', 'Shop', '"Shop"'],
    ['a quote', 'a"b', '"a""b"'],
    ['an attempt to leave the quotes', 'x"; DROP DATABASE y; --', '"x""; DROP DATABASE y; --"'],
    ['63 bytes', 'x'.repeat(63), `"${'x'.repeat(63)}"`],
  ])('quotes %s', (_, name, quoted) => {
    expect(identifier(name)).toBe(quoted)
  })

  it.each([
    ['no name', '', /must have a name/],
    ['64 bytes, which PostgreSQL would cut', 'x'.repeat(64), /has 64 bytes/],
    ['63 letters of more than 63 bytes', 'ü'.repeat(32), /has 64 bytes/],
    ['a zero byte', 'a\0b', /zero byte/],
  ])('refuses %s', (_, name, message) => {
    expect(() => identifier(name)).toThrow(InvalidName)
    expect(() => identifier(name)).toThrow(message)
  })

  it.each([
    ['text', 'plain', `'plain'`],
    ['a quote', `it's`, `'it''s'`],
    ['a backslash', String.raw`a\b`, String.raw`E'a\\b'`],
  ])('writes %s as a constant', (_, text, written) => {
    expect(literal(text)).toBe(written)
  })

  it('gives two names two identifiers, and can be read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), (name) => {
        fc.pre(!name.includes('\0') && Buffer.byteLength(name) <= 63)
        expect(identifier(name).slice(1, -1).replaceAll('""', '"')).toBe(name)
      }),
    )
  })
})
