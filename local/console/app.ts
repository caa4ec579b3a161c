// http://localhost:8080: what the Instance Manager's own pages would be, for people who try this on one machine.
import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import { catalogue, instanceName, tier } from '#shared/events/catalogue.ts'
import { makeEvent, type Outgoing } from '#shared/events/emit.ts'
import type { Log } from '#shared/server/log.ts'
import { contentSecurityPolicy, type Html, layout } from './layout.ts'
import { type ReadDeps, readInstanceRow, readInstances, readLogin, readTimeline } from './read.ts'
import { isOwnPage } from './same-origin.ts'
import { eventsTable, instancesTable, instanceSummary, requestForm, timeline } from './views.ts'

export interface ConsoleDeps extends ReadDeps {
  /** Resolves when the broker is done with the event, which may take minutes. */
  readonly publish: (event: Outgoing) => Promise<void>
  readonly urlOf: (host: string) => string
  readonly baseDomain: string
  readonly odooVersion: string
  /** Where an event is published by hand. */
  readonly brokerUrl: string
  readonly log: Log
}

const SOURCE = '//console.platxa.io/local'
const SHOWN_EVENTS = 60

export function consoleApp(deps: ConsoleDeps): Hono {
  const app = new Hono()
  app.use(async (c, next) => {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && !isOwnPage(c.req.raw.headers)) {
      return c.text('this form belongs to the console: it was sent from somewhere else\n', 403)
    }
    await next()
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
    return undefined
  })
  app.get('/', (c) => front(c, deps))
  app.get('/instances/:name', (c) => one(c, deps))
  app.post('/instances', (c) => request(c, deps))
  app.post('/instances/:name/:action{wake|sleep}', (c) => wakeOrSleep(c, deps))
  app.get('/healthz', (c) => c.text('ok\n'))
  app.notFound((c) => page(c, 'Not found', 'no such page', html`<p class="empty">There is nothing here.</p>`, 404))
  app.onError((error, c) => {
    deps.log.error({ path: c.req.path, error: error.message }, 'the console could not show a page')
    return page(c, 'Trouble', 'something did not answer', html`<p class="said bad">${error.message}</p>`, 503)
  })
  return app
}

async function front(c: Context, deps: ConsoleDeps): Promise<Response> {
  const rows = await readInstances(deps, c.req.raw.signal)
  const awake = rows.filter(({ state }) => state === 'awake').length
  const events = deps.memory.list().slice(0, SHOWN_EVENTS)
  const lead = html`<span id="lead" data-live
    >${rows.length} ${rows.length === 1 ? 'instance' : 'instances'}, ${awake} awake</span
  >`
  return page(
    c,
    'Platxa Functions',
    lead,
    html`${said(c)}
      <h2>Instances</h2>
      <section class="card" id="instances" data-live>${instancesTable(rows, deps.urlOf)}</section>
      <h2>New instance</h2>
      <section class="card">${requestForm(tier.options)}</section>
      <h2>Events <small>the last ${SHOWN_EVENTS}, newest first</small></h2>
      <section class="card" id="events" data-live>${eventsTable(events)}</section>
      <p class="soft small">Publish your own: <code>POST ${deps.brokerUrl}</code></p>`,
  )
}

async function one(c: Context, deps: ConsoleDeps): Promise<Response> {
  const name = c.req.param('name') ?? ''
  const { signal } = c.req.raw
  const [row, moments, login] = await Promise.all([
    readInstanceRow(name, deps, signal),
    readTimeline(name, deps, signal),
    readLogin(name, deps, signal),
  ])
  if (row === undefined && moments.length === 0) {
    return page(c, name, 'unknown instance', html`<p class="empty">There is no instance of this name.</p>`, 404)
  }
  const summary =
    row === undefined
      ? html`<p class="empty">It does not exist yet, or not any more.</p>`
      : instanceSummary(row, login, deps.urlOf)
  return page(
    c,
    name,
    `instance ${name}`,
    html`${said(c)}
      <h2>${name}</h2>
      <section class="card" id="summary" data-live>${summary}</section>
      <h2>Timeline</h2>
      <section class="card" id="timeline" data-live>${timeline(moments)}</section>`,
  )
}

async function request(c: Context, deps: ConsoleDeps): Promise<Response> {
  const form = await c.req.parseBody()
  const name = typeof form['name'] === 'string' ? form['name'] : ''
  const data = catalogue['io.platxa.instance.requested.v1'].safeParse({
    name,
    tier: form['tier'],
    revision: Date.now(),
    ownerId: 'console',
    odooVersion: deps.odooVersion,
    hosts: [`${name}.${deps.baseDomain}`],
  })
  if (!data.success) {
    const why = data.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')
    return back(c, '/', `Not requested: ${why}`)
  }
  const id = randomUUID()
  publish(makeEvent({ type: 'io.platxa.instance.requested.v1', source: SOURCE, id, data: data.data }), deps)
  return back(c, `/instances/${data.data.name}`, `${data.data.name} is requested.`)
}

async function wakeOrSleep(c: Context, deps: ConsoleDeps): Promise<Response> {
  const name = instanceName.safeParse(c.req.param('name'))
  if (!name.success) return back(c, '/', 'That is no name of an instance.')
  const id = randomUUID()
  const to = `/instances/${name.data}`
  if (c.req.param('action') === 'wake') {
    const data = { name: name.data, trigger: 'manual' } as const
    publish(makeEvent({ type: 'io.platxa.instance.wake.requested.v1', source: SOURCE, id, data }), deps)
    return back(c, to, `${name.data} is asked to wake.`)
  }
  const data = { scope: [name.data], idleSeconds: 0 }
  const event = { type: 'io.platxa.idle.scan.requested.v1', source: SOURCE, id, name: name.data, data } as const
  publish(makeEvent(event), deps)
  return back(c, to, `${name.data} is asked to sleep. A request in flight keeps it awake.`)
}

/** Nobody waits for it: what came of it shows among the events. */
function publish(event: Outgoing, deps: ConsoleDeps): void {
  deps.publish(event).catch((error: unknown) => {
    deps.log.warn({ type: event.type, id: event.id, error: String(error) }, 'an event of the console was not delivered')
  })
}

function back(c: Context, to: string, text: string): Response {
  return c.redirect(`${to}?said=${encodeURIComponent(text)}`, 303)
}

function said(c: Context): Html {
  const text = c.req.query('said')
  return text === undefined ? html`` : html`<p class="said">${text}</p>`
}

async function page(
  c: Context,
  title: string,
  lead: Html | string,
  body: Html,
  status: 200 | 404 | 503 = 200,
): Promise<Response> {
  c.header('content-security-policy', contentSecurityPolicy)
  return c.html(layout({ title, lead, body }), status)
}
