import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { classRows, parseRows } from '#functions/wake/classes/classes.ts'
import { classify, classOf, clientOf, createClassify, prefixOf, type Kind } from '#functions/wake/classes/classify.ts'
import { readEnv } from '#shared/server/env.ts'

type Headers = Record<string, string>
const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36' }
const page = { ...browser, accept: 'text/html,*/*;q=0.8', 'sec-fetch-mode': 'navigate' }
const call = { ...browser, accept: '*/*', 'sec-fetch-mode': 'cors' }
const agent = (name: string): Headers => ({ 'user-agent': name, accept: '*/*' })

const table: readonly (readonly [what: string, method: string, path: string, headers: Headers, kind: Kind])[] = [
  ['a person opens Odoo', 'GET', '/odoo', page, 'page load'],
  ['a person opens the old web client', 'GET', '/web?debug=1', page, 'page load'],
  ['a browser without Sec-Fetch-Mode', 'GET', '/shop', { accept: 'text/html' }, 'page load'],
  [
    'a navigation through the service worker',
    'GET',
    '/odoo/contacts',
    { ...page, 'sec-fetch-dest': 'empty' },
    'page load',
  ],
  ['a form is posted by a navigation', 'POST', '/web/login', page, 'call'],
  ['a click in an open tab', 'POST', '/web/dataset/call_kw/res.partner/web_save', call, 'call'],
  ['the web client reads a page in the background', 'GET', '/odoo', { ...call, accept: 'text/html' }, 'call'],
  ['an API client', 'POST', '/jsonrpc', agent('curl/8.5'), 'call'],
  ['an API client of Odoo 19', 'POST', '/json/2/res.partner/search_read', agent('python-requests/2'), 'call'],
  ['XML-RPC', 'POST', '/xmlrpc/2/object', agent('Python-xmlrpc/3.13'), 'call'],
  ['a webhook of a payment provider', 'POST', '/payment/stripe/webhook', agent('Stripe/1.0'), 'call'],
  ['a webhook whose sender calls itself a bot', 'POST', '/telegram/hook', agent('SomeBot/1.0'), 'call'],
  ['a report', 'GET', '/report/pdf/account.report_invoice/1', { ...browser, accept: '*/*' }, 'call'],
  ['a download', 'GET', '/web/content/42?download=true', page, 'page load'],
  ['an upload', 'PUT', '/web/binary/upload', call, 'call'],
  [
    'a preflight of a call from another site',
    'OPTIONS',
    '/jsonrpc',
    { 'access-control-request-method': 'POST' },
    'call',
  ],
  ['a path nobody knows', 'POST', '/nobody/knows', {}, 'call'],
  [
    'a phone that is called Cubot',
    'GET',
    '/',
    { ...page, 'user-agent': 'Mozilla/5.0 (Linux; CUBOT X18)' },
    'page load',
  ],

  ['the tab asks whether it missed anything', 'POST', '/bus/has_missed_notifications', call, 'missed notifications'],
  ['the tab tries to reconnect', 'POST', '/web/webclient/version_info', call, 'version info'],
  ['a long poll of Odoo 14 or 15', 'POST', '/longpolling/poll', call, 'long poll'],
  ['a long poll that is none', 'GET', '/longpolling/poll', browser, 'background'],
  ['another question of an old bus', 'POST', '/longpolling/im_status', call, 'background'],
  ['the script of the bus worker', 'GET', '/bus/websocket_worker_bundle?v=19.0-2', call, 'background'],
  ['a WebSocket path without upgrade', 'GET', '/websocket?version=19.0-2', call, 'background'],
  ['the service worker', 'GET', '/web/service-worker.js', call, 'background'],
  ['the manifest', 'GET', '/web/manifest.webmanifest', call, 'background'],
  ['a page fetched on a guess', 'GET', '/shop', { ...page, 'sec-purpose': 'prefetch;prerender' }, 'background'],
  ['HEAD of a link checker', 'HEAD', '/', browser, 'background'],
  ['OPTIONS of a scanner', 'OPTIONS', '*', {}, 'background'],
  ['a health check', 'GET', '/web/health?db_server_status=1', agent('curl/8.5'), 'health'],
  ['a health check by HEAD', 'HEAD', '/web/health', agent('curl/8.5'), 'health'],
  ['robots.txt', 'GET', '/robots.txt', agent('Googlebot/2.1'), 'robots'],
  ['the favicon', 'GET', '/favicon.ico', browser, 'icon'],
  ['an uptime monitor', 'GET', '/', { ...page, 'user-agent': 'Mozilla/5.0+(compatible; UptimeRobot/2.0)' }, 'monitor'],
  ['an uptime monitor by HEAD', 'HEAD', '/', agent('Pingdom.com_bot_version_1.4'), 'monitor'],
  ['a kubelet', 'GET', '/', agent('kube-probe/1.34'), 'monitor'],
  ['a search engine', 'GET', '/shop', { ...page, 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' }, 'crawler'],
  ['a link preview', 'GET', '/odoo', agent('facebookexternalhit/1.1'), 'crawler'],

  ['an asset bundle', 'GET', '/web/assets/1/23934d7/web.assets_frontend.min.css', call, 'asset'],
  ['an asset bundle of Odoo 14', 'GET', '/web/content/312-5b6b4a2/web.assets_backend.js', call, 'asset'],
  ['a file of a module', 'GET', '/mail/static/lib/idb-keyval/idb-keyval.js', call, 'asset'],
  ['a picture', 'GET', '/web/image?model=res.users&field=avatar_128&id=2', call, 'asset'],
  ['a picture by path', 'GET', '/web/image/res.partner/3/avatar_128', call, 'asset'],
  ['doubled slashes', 'GET', '//web//assets/1/a/b.css', call, 'asset'],
]

describe('classify', () => {
  it.each(table)('%s: %s %s', (_what, method, path, headers, kind) => {
    expect(classify(method, path, headers)).toBe(kind)
  })

  it('gives the same answer the second time, when the user agent is remembered', () => {
    for (const [, method, path, headers, kind] of table) expect(classify(method, path, headers)).toBe(kind)
  })

  it('takes a POST of any path it does not know for activity', () => {
    const names = fc.array(fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' }), { maxLength: 5 })
    fc.assert(
      fc.property(names, (path) => {
        const target = `/${path.map(encodeURIComponent).join('/')}?x=1`
        fc.pre(!/^\/+(bus|longpolling|websocket|web)(\/|\?)/.test(target))
        expect(classOf(classify('POST', target, {}))).toBe('A')
      }),
    )
  })

  it('tells the first two names of a path and no query', () => {
    expect(prefixOf('/web/dataset/call_kw/res.partner?token=secret')).toBe('/web/dataset')
    expect(prefixOf('/?db=x')).toBe('/')
  })
})

describe('rows of an operator', () => {
  const own = (...lines: readonly string[]) => {
    const { rows, faults } = parseRows(lines.join('\n'))
    expect(faults).toEqual([])
    return createClassify(rows)
  }

  it('come before the built-in ones, the first that fits wins', () => {
    const mine = own(
      '# our dashboard polls',
      'B POST /dashboard/poll',
      '',
      'A GET /web/health   # we want to be woken by it',
      'C GET,HEAD /media/*',
      'B * /api/* x-probe=yes|true user-agent=*probe*',
    )
    expect(mine('POST', '/dashboard/poll?x=1', call)).toBe('background')
    expect(mine('GET', '/web/health', call)).toBe('call')
    expect(mine('HEAD', '/media/a/b.png', call)).toBe('asset')
    expect(mine('DELETE', '/api/x', { 'x-probe': 'YES', 'user-agent': 'my Probe 1' })).toBe('background')
    expect(mine('DELETE', '/api/x', { 'x-probe': 'yes', 'user-agent': 'curl' })).toBe('call')
    expect(mine('POST', '/dashboard/poll/more', call)).toBe('call')
    for (const [, method, path, headers, kind] of table.filter(([, , path]) => !path.startsWith('/web/health')))
      expect(mine(method, path, headers)).toBe(kind)
  })

  it.each([
    ['D POST /x', /^line 2: the class must be A, B, C/],
    ['B post /x', /^line 2: the method must be \* or names in capitals/],
    ['B POST x', /^line 2: the path must be \* or begin with a slash/],
    ['B POST /x?y=1', /^line 2: the path must/],
    ['B POST //x', /^line 2: the path must not have two slashes/],
    ['B POST', /^line 2: it needs a class, a method and a path/],
    ['B POST /x Accept=a', /^line 2: a header must be name=pattern/],
    ['B POST /x accept', /^line 2: a header must be name=pattern/],
    [`B POST /${'x'.repeat(5000)}`, /^line 2: it must have at most/],
  ])('are refused with their line: %s', (line, fault) => {
    const { faults } = parseRows(`B POST /fine\n${line}\nC GET /fine`)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(fault)
  })

  it('are refused all at once', () => {
    expect(parseRows('X\nB POST /x\nY').faults.map((fault) => fault.split(':')[0])).toEqual(['line 1', 'line 3'])
  })

  it('keep a process from starting, which names each line', () => {
    const schema = z.object({ CLASSES: classRows.prefault('') })
    const read = (CLASSES: string) => readEnv(schema, { CLASSES }).CLASSES
    expect(() => read('B POST /fine\nD POST /x\nB POST')).toThrow(
      /CLASSES line 2: the class must be .*; CLASSES line 3: it needs a class, a method and a path/,
    )
    expect(read('B POST /fine # ours')).toMatchObject([{ kind: 'background', methods: ['POST'], path: '/fine' }])
    expect(read('')).toEqual([])
  })
})

describe('who asks', () => {
  it.each([
    ['page load', page, 'browser'],
    ['call', call, 'open tab'],
    ['call', agent('curl/8.5'), 'API client'],
    ['call', {}, 'API client'],
  ] as const)('a %s with %o is of a %s', (kind, headers, client) => {
    expect(clientOf(kind, headers)).toBe(client)
  })
})
