import { describe, expect, it } from 'vitest'
import { isOwnPage } from '#local/console/same-origin.ts'

describe('a form of the console', () => {
  it.each([
    ['a page of the console', { 'sec-fetch-site': 'same-origin' }, true],
    ['an address typed by a person', { 'sec-fetch-site': 'none' }, true],
    ['an instance: the same site, another origin', { 'sec-fetch-site': 'same-site' }, false],
    ['another site', { 'sec-fetch-site': 'cross-site' }, false],
    ['an old browser on the console', { origin: 'http://localhost:8080', host: 'localhost:8080' }, true],
    ['an old browser on another port', { origin: 'http://localhost:9000', host: 'localhost:8080' }, false],
    ['an old browser on another site', { origin: 'https://evil.example', host: 'localhost:8080' }, false],
    ['a sandboxed frame', { origin: 'null', host: 'localhost:8080' }, false],
    ['curl', { host: 'localhost:8080' }, true],
  ])('from %s', (_, headers, own) => {
    expect(isOwnPage(new Headers(headers as Record<string, string>))).toBe(own)
  })
})
