import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { clients, forwardedLines, peers } from '#functions/wake/connection/forwarded.ts'
import { requestHead } from '#functions/wake/connection/request-head.ts'

const trusting = peers(['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32'])
const nothing = { for: undefined, proto: undefined, host: undefined }
const lines = (chain: string, proto: string, host: string): string =>
  `X-Forwarded-For: ${chain}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${host}\r\n`

describe('wake / connection / forwarded', () => {
  it.each([
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['fd12::1', true],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['11.0.0.1', false],
    ['2001:db8::1', false],
    [undefined, false],
  ])('trusts %s: %s', (address, trusted) => {
    expect(trusting(address).trusted).toBe(trusted)
  })

  it.each([
    [
      'a trusted peer that said all',
      '10.0.0.1',
      { for: '203.0.113.9', proto: 'https', host: 'shop.example' },
      lines('203.0.113.9, 10.0.0.1', 'https', 'shop.example'),
    ],
    ['a trusted peer that said nothing', '10.0.0.1', nothing, lines('10.0.0.1', 'http', 'here.example')],
    [
      'a trusted peer that said an empty list',
      '10.0.0.1',
      { ...nothing, for: '' },
      lines('10.0.0.1', 'http', 'here.example'),
    ],
    [
      'somebody who said all',
      '203.0.113.9',
      { for: '1.1.1.1', proto: 'https', host: 'evil.example' },
      lines('203.0.113.9', 'http', 'here.example'),
    ],
  ])('writes what %s may say', (_who, address, said, expected) => {
    expect(forwardedLines(trusting(address), said, 'here.example', false, 'extend')).toBe(expected)
  })

  it('can leave the list of a trusted peer as it is', () => {
    const said = { ...nothing, for: '203.0.113.9' }
    expect(forwardedLines(trusting('10.0.0.1'), said, 'h', false, 'keep')).toContain('X-Forwarded-For: 203.0.113.9\r\n')
    expect(forwardedLines(trusting('10.0.0.1'), nothing, 'h', false, 'keep')).toContain('X-Forwarded-For: 10.0.0.1\r\n')
    expect(forwardedLines(trusting('1.1.1.1'), said, 'h', false, 'keep')).toContain('X-Forwarded-For: 1.1.1.1\r\n')
  })

  it.each([
    ['somebody who comes straight', '203.0.113.9', '6.6.6.6', '203.0.113.9'],
    ['somebody behind a proxy', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['somebody who made up who he is', '10.0.0.1', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['somebody behind two proxies', '10.0.0.1', '6.6.6.6, 203.0.113.9, 10.0.0.7', '203.0.113.9'],
    ['somebody within', '10.0.0.1', '10.9.9.9, 10.0.0.7', '10.9.9.9'],
    ['somebody whose address is IPv6', '::ffff:10.0.0.1', '2001:db8::9', '2001:db8::9'],
    ['somebody written as IPv6', '10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['somebody of whom the proxy says nothing', '10.0.0.1', undefined, undefined],
    ['somebody of whom the proxy says nonsense', '10.0.0.1', 'unknown, -', undefined],
  ])('knows %s', (_who, remoteAddress, said, client) => {
    const headers = said === undefined ? {} : { 'x-forwarded-for': said }
    const request = { socket: { remoteAddress }, headers } as IncomingMessage
    expect(clients(['10.0.0.0/8', 'fd00::/8'])(request)).toBe(client)
  })

  it.each([
    ['keeps', '10.0.0.1', true],
    ['drops', '203.0.113.9', false],
  ])('%s other forwarding headers from %s', (_verb, address, kept) => {
    const rawHeaders = [
      'Host',
      'h',
      'X-Forwarded-Port',
      '443',
      'X-Real-IP',
      '1.1.1.1',
      'X-Forwarded-For',
      'a',
      'X-Forwarded-For',
      'b',
    ]
    const head = requestHead(
      { method: 'GET', url: '/', rawHeaders, httpVersionMinor: 1 },
      { peer: trusting(address), encrypted: false, forwardedFor: 'extend' },
    )
    const text = 'text' in head ? head.text : ''
    expect(text.includes('X-Forwarded-Port: 443\r\nX-Real-IP: 1.1.1.1\r\n')).toBe(kept)
    expect(text.includes('X-Forwarded-For: a, b, 10.0.0.1\r\n')).toBe(kept)
    expect(text.match(/X-Forwarded-For/gi)).toHaveLength(1)
  })
})
