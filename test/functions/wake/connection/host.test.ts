import { describe, expect, it } from 'vitest'
import { hostOf, targetOf } from '#functions/wake/connection/host.ts'

const asked = (hosts: string[], url = '/', method = 'GET') =>
  hostOf({ rawHeaders: hosts.flatMap((host) => ['Host', host]), url, method })

describe('wake / connection / host', () => {
  it.each([
    ['demo.example.com', 'demo.example.com'],
    ['demo.example.com:8443', 'demo.example.com'],
    ['demo.example.com:', 'demo.example.com'],
    ['DEMO.Example.COM', 'demo.example.com'],
    ['demo.example.com.', 'demo.example.com'],
    ['demo.example.com.:80', 'demo.example.com'],
    ['localhost', 'localhost'],
    ['10.1.2.3:80', '10.1.2.3'],
    ['[::1]:80', '[::1]'],
    ['a_b.example.com', 'a_b.example.com'],
  ])('reads Host %j as %s', (host, expected) => {
    expect(asked([host])).toEqual({ host: expected })
  })

  it.each([
    ['none', []],
    ['two', ['a.example', 'b.example']],
    ['two that agree', ['a.example', 'a.example']],
    ['an empty one', ['']],
    ['only a port', [':80']],
    ['only a dot', ['.']],
    ['two dots at the end', ['a.example..']],
    ['two dots inside', ['a..example']],
    ['a dot at the start', ['.a.example']],
    ['a path', ['a.example/x']],
    ['a user', ['me@a.example']],
    ['a list', ['a.example, b.example']],
    ['a space', ['a example']],
    ['a port that is none', ['a.example:80x']],
    ['a port of six digits', ['a.example:123456']],
    ['bytes beyond ASCII', ['ä.example']],
    ['a percent sign', ['a%2eexample']],
    ['more than any name can be', [`${'a'.repeat(300)}.example`]],
  ])('refuses a request with %s for Host', (_what, hosts) => {
    expect(asked(hosts)).toMatchObject({ refuse: 400 })
  })

  it.each([
    ['http://a.example/x', 'GET', { host: 'a.example' }],
    ['HTTP://A.example:80', 'GET', { host: 'a.example' }],
    ['https://a.example?x', 'GET', { host: 'a.example' }],
    ['*', 'OPTIONS', { host: 'a.example' }],
    ['//b.example/x', 'GET', { host: 'a.example' }],
  ])('takes %s by %s', (url, method, expected) => {
    expect(asked(['a.example'], url, method)).toEqual(expected)
  })

  it.each([
    ['http://b.example/', 'GET'],
    ['http://a.example@b.example/', 'GET'],
    ['http://', 'GET'],
    ['ftp://a.example/', 'GET'],
    ['a.example:80', 'CONNECT'],
    ['*', 'GET'],
    ['', 'GET'],
  ])('refuses %j by %s', (url, method) => {
    expect(asked(['a.example'], url, method)).toMatchObject({ refuse: 400 })
  })

  it('refuses a target that is too long', () => {
    expect(asked(['a.example'], `/${'a'.repeat(16 * 1024 - 1)}`)).toEqual({ host: 'a.example' })
    expect(asked(['a.example'], `/${'a'.repeat(16 * 1024)}`)).toMatchObject({ refuse: 414 })
  })

  it.each([
    ['/a?b', 'GET', '/a?b'],
    ['http://a.example/a?b', 'GET', '/a?b'],
    ['http://a.example', 'GET', '/'],
    ['http://a.example', 'OPTIONS', '*'],
    ['http://a.example?b', 'GET', '/?b'],
    ['*', 'OPTIONS', '*'],
  ])('sends %s by %s on as %s', (url, method, expected) => {
    expect(targetOf(url, method)).toBe(expected)
  })
})
