import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { documentOf, type View } from '#functions/wake/page/document.ts'
import { wordsFor } from '#functions/wake/page/languages.ts'
import { plainLook, type Look } from '#functions/wake/page/look.ts'
import type { Cause } from '#functions/wake/page/words.ts'
import { createPages, noteFor, wakingView, type Page, type Underway } from '#functions/wake/page/page.ts'
import { phases, type Phase } from '#functions/wake/instance/world.ts'
import { crashing, unschedulable } from '#test/functions/wake/instance/rooms-of.ts'

const waking = (phase: Phase, more: Partial<Underway> = {}) =>
  wakingView({ phase, trouble: null, usualMs: 6_000, elapsedMs: 0, ...more })
const languages = ['en', 'fr', 'es', 'de', 'pt', 'ar']
const causes = Object.keys(wordsFor('en').causes) as Cause[]
const views: readonly View[] = [
  ...phases.map((phase) => waking(phase)),
  ...causes.map((cause): View => ({ show: 'failed', cause })),
  { show: 'suspended' },
  { show: 'disabled' },
  { show: 'limited' },
  { show: 'starting' },
]

const plain = createPages()

function page(
  view: View,
  acceptLanguage = 'en',
  host = 'demo.example.com',
  pages = plain,
): Page & { readonly text: string } {
  const made = pages.of({ view, host, acceptLanguage, elapsedMs: 1_234, retryAfterSeconds: 4 })
  return { ...made, text: Buffer.from(made.body, 'latin1').toString('utf8') }
}

function header({ headers }: { readonly headers: readonly string[] }, name: string): string | undefined {
  return headers[headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name) + 1]
}

describe('every page', () => {
  it.each(languages)('is one small response that asks no other host for anything: %s', (language) => {
    for (const view of views) {
      const { body, text } = page(view, language, `${'a'.repeat(63)}.${'b'.repeat(63)}.example.com`)
      expect(body.length).toBeLessThan(10_000)
      expect(text).not.toMatch(/https?:|\/\/[a-z]|@import|url\((?!#)/)
      expect(text).not.toContain('\u0000')
      expect(text).not.toContain('undefined')
    }
  })

  it('says that it is not to be kept, indexed or framed by what it allows', () => {
    for (const view of views) {
      const made = page(view)
      expect(header(made, 'cache-control')).toBe('no-store')
      expect(header(made, 'x-robots-tag')).toBe('noindex')
      expect(header(made, 'content-length')).toBe(String(made.body.length))
      expect(header(made, 'vary')).toBe('Accept-Language')
      expect(header(made, 'content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'/,
      )
    }
  })

  it('has no inline code or style that its policy would refuse', () => {
    for (const view of views) expect(page(view).text).not.toMatch(/ on[a-z]+="| style="|javascript:/)
  })

  it('says in its own language what it is, and in which direction it is read', () => {
    expect(page(views[0]!, 'ar').text).toContain('<html lang="ar" dir="rtl">')
    expect(page(views[0]!, 'fr').text).toContain('<html lang="fr" dir="ltr">')
    expect(header(page(views[0]!, 'de'), 'content-language')).toBe('de')
  })
})

const statuses: readonly (readonly [show: string, view: View, status: number, retryAfter: string | undefined])[] = [
  ['waking', waking('starting'), 503, '4'],
  ['failed', { show: 'failed', cause: 'crash-loop' }, 503, '4'],
  ['starting', { show: 'starting' }, 503, '4'],
  ['limited', { show: 'limited' }, 429, '4'],
  ['suspended', { show: 'suspended' }, 402, undefined],
  ['disabled', { show: 'disabled' }, 404, undefined],
]

describe('pages', () => {
  it.each(statuses)('answers %s truthfully', (_show, view, status, retryAfter) => {
    const made = page(view)
    expect(made.status).toBe(status)
    expect(made.headers.includes('Retry-After') ? header(made, 'retry-after') : undefined).toBe(retryAfter)
  })

  it('marks the phase, tells the usual time, and works without JavaScript', () => {
    const { text } = page(waking('starting', { usualMs: 6_400 }))
    expect(text).toContain(
      '<li class="done">Fetching the software</li><li class="now" aria-current="step">Starting</li>',
    )
    expect(text).toContain('This usually takes about 6 seconds.')
    expect(text).toContain('<noscript><meta http-equiv="refresh" content="4"></noscript>')
    expect(text).toContain('data-elapsed="1.2" data-retry="4"><p class="host" dir="ltr">demo.example.com</p>')
    expect(text).toContain('role="status"')
  })

  it('says what holds a wake up, and nothing about nodes or images', () => {
    const { text } = page(waking('accepted', { trouble: unschedulable }))
    expect(text).toContain('There is no free capacity at the moment.')
    expect(text).not.toContain(unschedulable.detail)
    expect(page({ show: 'failed', cause: crashing.code }).text).toContain('<code dir="ltr">crash-loop</code>')
  })

  it('gives the same bytes for two visits of the same kind, but for the host', () => {
    const view = waking('pulling')
    expect(page(view, 'en', 'a.example.com').text.replaceAll('a.example.com', 'b.example.com')).toBe(
      page(view, 'en', 'b.example.com').text,
    )
  })

  it('tells a page that is open already the sentence for what happens', () => {
    expect(noteFor('de', waking('stopping'))).toMatch(/eingeschlafen/)
    expect(noteFor('en', waking('starting', { trouble: unschedulable }))).toMatch(/no free capacity/)
    expect(noteFor('en', waking('starting', { elapsedMs: 20_000 }))).toMatch(/usually takes about 6 seconds/)
    expect(noteFor('en', waking('starting', { elapsedMs: 20_001 }))).toMatch(/longer than usual/)
  })
})

describe('documentOf', () => {
  it('has exactly one place for what differs', () => {
    for (const language of languages) {
      for (const view of views)
        expect(documentOf(wordsFor(language), view, plainLook).after.length).toBeGreaterThan(100)
    }
  })
})

const longHost = `${'a'.repeat(63)}.${'b'.repeat(63)}.example.com`
const branded: Look = {
  name: 'Äußerst & Söhne <ltd>'.padEnd(40, 'ß'),
  logo: `data:image/svg+xml;base64,${'A'.repeat(974)}`,
  color: '#0b6e4f',
  colorOnDark: '#7fe0bf',
  support: `https://help.example.com/${'h'.repeat(90)}?a&b`,
  frameAncestors: ["'self'", 'https://app.example.com'],
}

describe('a page with somebody’s look', () => {
  const pages = createPages(branded)

  it.each(languages)('is below 10 KB also where everything is as long as it may be: %s', (language) => {
    for (const view of views) expect(page(view, language, longHost, pages).body.length).toBeLessThan(10_000)
  })

  it('shows the name as text, the logo, the colours, and where to get help when it does not start', () => {
    const { text } = page({ show: 'failed', cause: 'quota' }, 'en', 'demo.example.com', pages)
    expect(text).toContain('Äußerst &amp; Söhne &lt;ltd>')
    expect(text).toContain('<img src="data:image/svg+xml;base64,AAA')
    expect(text).toContain(':root{--go:#0b6e4f}')
    expect(text).toContain('@media (prefers-color-scheme:dark){:root{--go:#7fe0bf}}')
    expect(text).toContain('href="https://help.example.com/hhh')
    expect(page(views[0]!, 'en', 'demo.example.com', pages).text).not.toContain('help.example.com')
  })

  it('allows by its policy exactly the style that it has', () => {
    const made = page(views[0]!, 'en', 'demo.example.com', pages)
    const style = /<style>(.*?)<\/style>/s.exec(made.text)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(header(made, 'content-security-policy')).toContain(`style-src 'sha256-${hash}'`)
    expect(header(page(views[0]!), 'content-security-policy')).not.toContain(hash)
  })

  it.each([
    [["'self'"], "frame-ancestors 'self'", 'SAMEORIGIN'],
    [["'none'"], "frame-ancestors 'none'", 'DENY'],
    [["'self'", 'https://app.example.com'], "frame-ancestors 'self' https://app.example.com", undefined],
    [['*'], 'frame-ancestors *', undefined],
  ])('says who may frame it: %s', (frameAncestors, policy, old) => {
    const made = page(views[0]!, 'en', 'demo.example.com', createPages({ ...plainLook, frameAncestors }))
    expect(header(made, 'content-security-policy')?.split('; ')).toContain(policy)
    expect(made.headers.includes('X-Frame-Options') ? header(made, 'x-frame-options') : undefined).toBe(old)
  })
})

const wishes: readonly (readonly [header: string | undefined, language: string])[] = [
  [undefined, 'en'],
  ['', 'en'],
  ['fr-CA,fr;q=0.9,en;q=0.8', 'fr'],
  ['ja, de;q=0.5, en;q=0.4', 'de'],
  ['en;q=0.1, pt-BR;q=0.9', 'pt'],
  ['ja,zh', 'en'],
  ['de;q=0, es', 'es'],
  ['AR-eg', 'ar'],
  ['*', 'en'],
  [';;;,,,q=', 'en'],
]

describe('wordsFor', () => {
  it.each(wishes)('%s → %s', (header, language) => {
    expect(wordsFor(header).language).toBe(language)
    expect(wordsFor(header).language).toBe(language)
  })

  it('has something to say in every language for every cause', () => {
    for (const language of languages) {
      const { causes: sayings, usual } = wordsFor(language)
      expect(usual).toContain('{n}')
      for (const { what, advice } of Object.values(sayings))
        expect(Math.min(what.length, advice.length)).toBeGreaterThan(10)
    }
  })
})
