// The routes of the stand-in, with the answers a real Odoo 19 gives to the same requests.
import { readFile } from 'node:fs/promises'

import { type Context, Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

import type { Database } from './database.ts'
import type { OdooLog } from './log.ts'
import { accessDenied, execute, type Notify, OdooError } from './models.ts'
import { FAVICON, homePage, loginPage, managerPage } from './pages.ts'
import { callService, CallKw, Envelope, failure, result, type RpcId, signIn, version, xmlrpc } from './rpc.ts'
import { type Session, type Sessions, signedIn } from './sessions.ts'
import { testRoutes } from './test-routes.ts'

export interface Deps {
  readonly database: Database
  readonly sessions: Sessions
  /** Name of the database. */
  readonly databaseName: string
  readonly notify: Notify
  readonly log: OdooLog
}

const WEEK_SECONDS = 7 * 24 * 3600
const STATIC_CACHE = { 'cache-control': `public, max-age=${WEEK_SECONDS}` }

export function app(deps: Deps): Hono {
  const instance = deps.databaseName.replace(/^odoo_/, '').replaceAll('_', '-')
  const routes = new Hono()
  routes.use(accessLog(deps.log))
  routes.onError((error, c) => databaseGone(error, c, deps.log))
  routes.get('/', (c) => c.redirect('/odoo', 303))
  routes.get('/web', (c) => c.redirect('/odoo', 303))
  routes.get('/web/health', (c) => health(c, deps))
  routes.get('/websocket/health', (c) => c.json({ status: 'pass' }))
  routes.get('/web/database/:page{manager|selector}', (c) => c.html(managerPage(instance)))
  routes.get('/robots.txt', (c) => c.text('User-agent: *\nDisallow: /\n'))
  routes.get('/web/manifest.webmanifest', (c) => c.json({ name: instance, start_url: '/odoo', display: 'standalone' }))
  const favicon = (c: Context): Response => c.body(FAVICON, 200, { ...STATIC_CACHE, 'content-type': 'image/svg+xml' })
  routes.get('/favicon.ico', favicon).get('/web/static/img/favicon.svg', favicon)
  routes.get('/web/static/src/tab.js', async (c) => {
    const script = await readFile(new URL('./static/tab.js', import.meta.url), 'utf8')
    return c.body(script, 200, { ...STATIC_CACHE, 'content-type': 'text/javascript; charset=utf-8' })
  })
  pageRoutes(routes, deps, instance)
  callRoutes(routes, deps)
  routes.route('/standin', testRoutes())
  return routes
}

function pageRoutes(routes: Hono, deps: Deps, instance: string): void {
  const { database, sessions } = deps

  routes.get('/web/login', async (c) => {
    const session = await sessionOf(c, sessions)
    await remember(c, sessions, session)
    const redirect = localPath(c.req.query('redirect'))
    return c.html(loginPage({ instance, visits: await database.visit(), csrf: session.csrf, redirect, wrong: false }))
  })

  routes.post('/web/login', async (c) => {
    const session = await sessionOf(c, sessions)
    const form = await c.req.parseBody()
    const field = (name: string): string => (typeof form[name] === 'string' ? form[name] : '')
    if (field('csrf_token') !== session.csrf) return c.text('Session expired (invalid CSRF token)', 400)
    const redirect = localPath(field('redirect'))
    const user = await signIn(database, field('login'), field('password'))
    if (user === undefined) {
      const visits = await database.visit()
      return c.html(loginPage({ instance, visits, csrf: session.csrf, redirect, wrong: true }))
    }
    await replace(c, sessions, session, signedIn(session, user.id, user.login))
    return c.redirect(redirect, 303)
  })

  routes.get('/odoo', async (c) => {
    const session = await sessionOf(c, sessions)
    if (session.login === null) return c.redirect(`/web/login?redirect=${encodeURIComponent('/odoo?')}`, 303)
    const [visits, notes] = await Promise.all([database.visit(), database.notes()])
    return c.html(homePage({ instance, login: session.login, visits, notes }))
  })

  routes.get('/web/session/logout', async (c) => {
    await sessions.remove(await sessionOf(c, sessions))
    return c.redirect('/odoo', 303)
  })
}

function callRoutes(routes: Hono, deps: Deps): void {
  const { database, sessions, notify } = deps

  routes.post('/web/session/authenticate', (c) =>
    answer(c, async (params) => {
      const session = await sessionOf(c, sessions)
      const user = await signIn(database, String(params['login']), String(params['password']))
      if (user === undefined) throw accessDenied()
      await replace(c, sessions, session, signedIn(session, user.id, user.login))
      return info(deps, user.id, user.login)
    }),
  )

  routes.post('/web/session/get_session_info', (c) =>
    answer(c, async () => {
      const session = await known(c, sessions)
      return info(deps, session.uid, session.login)
    }),
  )

  routes.post('/web/session/destroy', (c) =>
    answer(c, async () => {
      await sessions.remove(await sessionOf(c, sessions))
      return null
    }),
  )

  const callKw = (c: Context): Promise<Response> =>
    answer(c, async (params) => {
      await known(c, sessions)
      return await execute(CallKw.parse(params), database, notify)
    })
  routes.post('/web/dataset/call_kw', callKw).post('/web/dataset/call_kw/*', callKw)
  routes.post('/web/webclient/version_info', (c) => answer(c, async () => version))
  routes.post('/bus/has_missed_notifications', (c) => answer(c, async () => false))
  routes.post('/jsonrpc', (c) => answer(c, async (params) => await callService(params, database, notify)))
  routes.post('/xmlrpc/2/common', async (c) => c.body(xmlrpc(await c.req.text()), 200, { 'content-type': 'text/xml' }))
}

const info = ({ databaseName }: Deps, uid: number | null, login: string | null): object => ({
  uid,
  username: login,
  db: databaseName,
  ...version,
})

/** Reads a JSON-RPC request and answers it; what goes wrong is described in the body, with status 200. */
async function answer(
  c: Context,
  work: (params: Readonly<Record<string, unknown>>) => Promise<unknown>,
): Promise<Response> {
  let id: RpcId = null
  try {
    const envelope = Envelope.parse(await c.req.json())
    id = envelope.id
    return c.json(result(id, await work(envelope.params)))
  } catch (error) {
    if (error instanceof SyntaxError) return c.text('Invalid JSON data', 400)
    return c.json(failure(id, error))
  }
}

async function health(c: Context, { database }: Deps): Promise<Response> {
  const asked = c.req.query('db_server_status') !== undefined
  if (!asked) return c.json({ status: 'pass' })
  const up = await database.serverAnswers()
  return c.json({ status: up ? 'pass' : 'fail', db_server_status: up }, up ? 200 : 500)
}

function sessionOf(c: Context, sessions: Sessions): Promise<Session> {
  return sessions.find(getCookie(c, 'session_id'))
}

async function known(c: Context, sessions: Sessions): Promise<Session> {
  const session = await sessionOf(c, sessions)
  if (session.uid === null) throw new OdooError('odoo.http.SessionExpiredException', 'Session expired')
  return session
}

async function remember(c: Context, sessions: Sessions, session: Session): Promise<void> {
  await sessions.save(session)
  setCookie(c, 'session_id', session.id, { path: '/', httpOnly: true, sameSite: 'Lax', maxAge: WEEK_SECONDS })
}

async function replace(c: Context, sessions: Sessions, old: Session, fresh: Session): Promise<void> {
  await remember(c, sessions, fresh)
  await sessions.remove(old)
}

/** Where to go after signing in: a path of this instance, never another site. */
function localPath(wanted: string | undefined): string {
  return wanted !== undefined && /^\/(?![/\\])/.test(wanted) ? wanted : '/odoo'
}

function accessLog(log: OdooLog) {
  return async (c: Context, next: () => Promise<void>): Promise<void> => {
    await next()
    const path = new URL(c.req.url).pathname
    log('INFO', 'werkzeug', `"${c.req.method} ${path} HTTP/1.1" ${c.res.status} -`)
  }
}

/** A page that cannot reach the database is redirected to itself, for as long as the browser bears it: measured on 19. */
function databaseGone(error: Error, c: Context, log: OdooLog): Response {
  log('ERROR', 'odoo.sql_db', `${c.req.method} ${c.req.path}: ${error.message}`)
  const url = new URL(c.req.url)
  return c.req.method === 'GET' ? c.redirect(url.pathname + url.search, 302) : c.text('Internal Server Error', 500)
}
