import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globOf, pathGlobOf } from '#functions/wake/classes/glob.ts'

describe('a pattern', () => {
  it.each([
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['*uptime*', 'mozilla uptimerobot/2.0', true],
    ['*uptime*', 'mozilla', false],
    ['*', '', true],
    ['a*b', 'ab', true],
    ['a*b', 'a', false],
    ['ab*ba', 'aba', false],
    ['*a*a*', 'a', false],
    ['*bot?*', ' googlebot/2.1 ', true],
    ['*bot?*', ' robotics ', false],
    ['*bot?*', ' a robotics bot ', true],
    ['*?bot?*', ' cubot ', false],
    ['*a?c*', 'abc a-c', true],
  ])('%s on "%s": %s', (pattern, text, wanted) => {
    expect(globOf(pattern)(text)).toBe(wanted)
  })

  it('says the same as the regular expression it stands for', () => {
    const letters = fc.constantFrom('a', 'b', '*', '?', '-')
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 12 })
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 6 }), text, (pattern, given) => {
        const expression = pattern.replaceAll('*', '.*').replaceAll('?', '\\W')
        expect(globOf(pattern)(given)).toBe(new RegExp(`^${expression}$`, 's').test(given))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a pattern of a path', () => {
  it.each([
    ['/*/static/*', '/mail/static/a/b.js', true],
    ['/*/static/*', '/mail/x/static/b.js', false],
    ['/*/static/*', '/mail/static', false],
    ['/web/content/*-*/*.js', '/web/content/312-5b6b4a2/web.assets_backend.js', true],
    ['/web/content/*-*/*.js', '/web/content/312/web.assets_backend.js', false],
    ['/web/content/*-*/*.js', '/web/content/312-5b/deeper/a.js', false],
    ['/shop/*/cart', '/shop/1/cart', true],
    ['/shop/*/cart', '/shop/1/2/cart', false],
    ['/shop/*/cart', '/shop/1/cart/', false],
    ['/shop/*', '/shop/', true],
    ['/shop/*', '/shop', false],
  ])('%s on %s: %s', (pattern, path, wanted) => {
    expect(pathGlobOf(pattern)(path)).toBe(wanted)
  })
})
