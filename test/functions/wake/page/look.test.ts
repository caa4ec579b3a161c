import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { contrast, lookEnv, lookOf, papers, plainLook } from '#functions/wake/page/look.ts'
import { EnvError, readEnv } from '#shared/server/env.ts'

const schema = z.object(lookEnv)
const read = (env: Record<string, string>): ReturnType<typeof lookOf> => lookOf(readEnv(schema, env))
const svg = 'data:image/svg+xml;base64,PHN2Zy8+'

function faults(env: Record<string, string>): readonly string[] {
  try {
    read(env)
    return []
  } catch (error) {
    return error instanceof EnvError ? error.faults : [String(error)]
  }
}

describe('the look of the pages', () => {
  it('is nobody’s where nothing is set, or all of it is empty', () => {
    expect(read({})).toEqual(plainLook)
    expect(read({ BRAND_NAME: '', BRAND_COLOR: '', FRAME_ANCESTORS: '' })).toEqual(plainLook)
  })

  it('is what the ConfigMap says', () => {
    const env = {
      BRAND_NAME: ' Acme Cloud ',
      BRAND_LOGO: svg,
      BRAND_COLOR: '#5B4BD6',
      BRAND_COLOR_DARK: '#a79bff',
      BRAND_SUPPORT: 'mailto:help@acme.example',
      FRAME_ANCESTORS: "'self'  https://app.acme.example *.acme.example:8443",
    }
    expect(read(env)).toEqual({
      name: 'Acme Cloud',
      logo: svg,
      color: '#5B4BD6',
      colorOnDark: '#a79bff',
      support: 'mailto:help@acme.example',
      frameAncestors: ["'self'", 'https://app.acme.example', '*.acme.example:8443'],
    })
  })

  it('lightens a colour for the dark page until it can be read there', () => {
    for (const color of ['#000000', '#0b6e4f', '#7a0019', '#5b4bd6']) {
      const { colorOnDark = '' } = read({ BRAND_COLOR: color })
      expect(contrast(colorOnDark, papers.dark)).toBeGreaterThanOrEqual(4.5)
    }
  })

  it.each([
    ['BRAND_NAME', 'x'.repeat(41), 'must be at most 40 characters'],
    ['BRAND_LOGO', 'https://acme.example/logo.svg', 'must be data:image/svg+xml;base64,… (or png, webp)'],
    ['BRAND_LOGO', 'data:text/html;base64,AAAA', 'must be data:image/svg+xml;base64,… (or png, webp)'],
    ['BRAND_LOGO', `${svg}"><script>`, 'must be data:image/svg+xml;base64,… (or png, webp)'],
    ['BRAND_LOGO', `${svg}${'A'.repeat(1_000)}`, 'must be at most 1000 characters, so that the page stays below 10 KB'],
    ['BRAND_COLOR', 'red', 'must be a colour such as #5b4bd6'],
    ['BRAND_COLOR', '#ffcc00', 'must stand out from #f6f5fb by 4.5 : 1'],
    ['BRAND_COLOR_DARK', '#1f2340', 'must stand out from #12122a by 4.5 : 1'],
    ['BRAND_COLOR', '#5b4bd6}*{display:none', 'must be a colour such as #5b4bd6'],
    ['BRAND_SUPPORT', 'javascript:alert(1)', 'must be mailto:… or https://…'],
    ['BRAND_SUPPORT', 'https://a"onclick=b', 'must be mailto:… or https://…'],
    ['FRAME_ANCESTORS', "'self'; script-src *", "must be sources such as 'self' https://app.example.com"],
    ['FRAME_ANCESTORS', "'none' https://app.example.com", "must be 'none' alone or not have it"],
    ['FRAME_ANCESTORS', "'self'\r\nX-Evil: 1", "must be sources such as 'self' https://app.example.com"],
  ])('is refused with the name of its field: %s=%s', (name, value, fault) => {
    expect(faults({ [name]: value })).toEqual([`${name} ${fault}`])
  })

  it('is told all its faults at once', () => {
    expect(faults({ BRAND_COLOR: 'red', BRAND_NAME: 'x'.repeat(41) })).toHaveLength(2)
  })
})

describe('contrast', () => {
  it('is what WCAG says', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
    expect(contrast('#ffffff', '#ffffff')).toBe(1)
  })
})
