// What a browser or an API client gets from the stand-in: the same as from the Odoo 19 that was measured.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

import { discard, launch, type Launched, LOGIN, PASSWORD, type Tenant, tenant } from './launch.ts'

let database: Tenant
let odoo: Launched
beforeAll(async () => {
  database = await tenant(inject('postgresUrl'))
  odoo = await launch(database)
  await odoo.answering()
})
afterAll(async () => {
  await discard(odoo)
  await database.drop()
})

const get = (path: string, cookie = ''): Promise<Response> =>
  fetch(odoo.url + path, { redirect: 'manual', headers: { cookie } })

const rpc = async (path: string, params: unknown, cookie = ''): Promise<unknown> => {
  const headers = { 'content-type': 'application/json', cookie }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 7, params })
  return await (await fetch(odoo.url + path, { method: 'POST', headers, body })).json()
}

const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''

async function form(password: string, csrf?: string): Promise<Response> {
  const page = await get('/web/login?redirect=%2Fodoo%3F')
  const token = csrf ?? /name="csrf_token" value="(\w+)"/.exec(await page.text())?.[1] ?? ''
  const body = new URLSearchParams({ login: LOGIN, password, csrf_token: token, redirect: '/odoo?' })
  const headers = { cookie: cookieOf(page) }
  return await fetch(`${odoo.url}/web/login`, { method: 'POST', body, headers, redirect: 'manual' })
}

describe('pages', () => {
  it.each([
    ['/', 303, '/odoo'],
    ['/web', 303, '/odoo'],
    ['/odoo', 303, '/web/login?redirect=%2Fodoo%3F'],
    ['/web/database/manager', 200, null],
    ['/longpolling/poll', 404, null],
    ['/web/health', 200, null],
    ['/web/health?db_server_status=1', 200, null],
    ['/favicon.ico', 200, null],
    ['/robots.txt', 200, null],
  ])('%s is answered %i and leads to %s', async (path, status, location) => {
    const response = await get(path)
    expect(response.status).toBe(status)
    expect(response.headers.get('location')).toBe(location)
  })

  it('/web/login names the instance, counts visits in the database and says that it is a stand-in', async () => {
    const visits = async (): Promise<number> => {
      const text = await (await get('/web/login')).text()
      expect(text).toContain(`<h1>${database.name.replace('odoo_', '')}</h1>`)
      expect(text).toContain('not Odoo but a stand-in')
      return Number(/id="visits">(\d+)</.exec(text)?.[1])
    }
    const before = await visits()
    expect(await visits()).toBe(before + 1)
  })

  it('close the connection after each answer, as both servers of Odoo do', async () => {
    expect((await get('/web/health')).headers.get('connection')).toBe('close')
  })

  it('the database manager says that it is disabled', async () => {
    expect(await (await get('/web/database/manager')).text()).toContain('disabled by the administrator')
  })
})

describe('signing in', () => {
  it('by the form leads to the page that was asked for, where the name stands', async () => {
    const answer = await form(PASSWORD)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/odoo?'])
    expect(await (await get('/odoo?', cookieOf(answer))).text()).toContain(LOGIN)
  })

  it('with a wrong password shows the form again', async () => {
    const answer = await form('wrong')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('Wrong login/password')
  })

  it('without the token of the form is refused', async () => {
    expect((await form(PASSWORD, 'other')).status).toBe(400)
  })

  it('never leads to another site', async () => {
    const page = await (await get('/web/login?redirect=%2F%2Fevil.example')).text()
    expect(page).toContain('name="redirect" value="/odoo"')
  })

  it('by /web/session/authenticate answers the uid, or AccessDenied with status 200', async () => {
    const right = { db: database.name, login: LOGIN, password: PASSWORD }
    expect(await rpc('/web/session/authenticate', right)).toMatchObject({ id: 7, result: { uid: 1, username: LOGIN } })
    expect(await rpc('/web/session/authenticate', { ...right, password: 'no' })).toMatchObject({
      error: { code: 0, data: { name: 'odoo.exceptions.AccessDenied' } },
    })
  })
})

describe('calls', () => {
  it('of the web client need a session', async () => {
    const call = { model: 'standin.note', method: 'search_count', args: [[]], kwargs: {} }
    expect(await rpc('/web/dataset/call_kw/standin.note/search_count', call)).toMatchObject({ error: { code: 100 } })
    const cookie = cookieOf(await form(PASSWORD))
    expect(await rpc('/web/dataset/call_kw', call, cookie)).toMatchObject({ result: expect.any(Number) })
  })

  it('that create a record create it once', async () => {
    const cookie = cookieOf(await form(PASSWORD))
    const call = (method: string, args: unknown[]): Promise<unknown> =>
      rpc('/web/dataset/call_kw', { model: 'standin.note', method, args }, cookie)
    const before = await call('search_count', [[]])
    await call('create', [{ text: 'only once' }])
    expect([before, await call('search_count', [[]])]).toEqual([
      { jsonrpc: '2.0', id: 7, result: 0 },
      { jsonrpc: '2.0', id: 7, result: 1 },
    ])
  })

  it.each([
    ['common.version', 'common', 'version', [], { result: { server_version: '19.0' } }],
    ['common.login', 'common', 'login', ['db', LOGIN, PASSWORD], { result: 1 }],
    ['common.login with a wrong password', 'common', 'login', ['db', LOGIN, 'no'], { result: false }],
    [
      'object.execute_kw',
      'object',
      'execute_kw',
      ['db', 1, PASSWORD, 'res.users', 'search_count', [[]], {}],
      { result: 1 },
    ],
    ['object.execute', 'object', 'execute', ['db', 1, PASSWORD, 'res.users', 'search_count', []], { result: 1 }],
    [
      'execute_kw with a wrong password',
      'object',
      'execute_kw',
      ['db', 1, 'no', 'res.users', 'search_count', [], {}],
      { error: { data: { name: 'odoo.exceptions.AccessDenied' } } },
    ],
    [
      'an unknown model',
      'object',
      'execute_kw',
      ['db', 1, PASSWORD, 'res.partner', 'read', [], {}],
      { error: { data: { name: 'odoo.exceptions.UserError' } } },
    ],
    ['db.list', 'db', 'list', [], { error: { data: { name: 'odoo.exceptions.AccessDenied' } } }],
  ])('by /jsonrpc: %s', async (_what, service, method, args, expected) => {
    expect(await rpc('/jsonrpc', { service, method, args })).toMatchObject(expected)
  })

  it('by /xmlrpc/2/common tell the version', async () => {
    const body = "<?xml version='1.0'?><methodCall><methodName>version</methodName><params/></methodCall>"
    const answer = await fetch(`${odoo.url}/xmlrpc/2/common`, { method: 'POST', body })
    expect(await answer.text()).toContain('<name>server_version</name><value><string>19.0</string></value>')
  })

  it('that a parked tab makes have the answers of Odoo', async () => {
    expect(await rpc('/bus/has_missed_notifications', { last_notification_id: 0 })).toMatchObject({ result: false })
    expect(await rpc('/web/webclient/version_info', {})).toMatchObject({ result: { server_serie: '19.0' } })
  })

  it('that are no JSON are refused with 400', async () => {
    expect((await fetch(`${odoo.url}/jsonrpc`, { method: 'POST', body: '{' })).status).toBe(400)
  })

  it('to /standin/echo are told what arrived', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' }
    const answer = await fetch(`${odoo.url}/standin/echo?a=1`, { method: 'PUT', body: 'x'.repeat(100_000), headers })
    expect(await answer.json()).toMatchObject({
      method: 'PUT',
      path: '/standin/echo?a=1',
      bytes: 100_000,
      headers: { 'x-forwarded-for': '198.51.100.7' },
    })
  })
})
