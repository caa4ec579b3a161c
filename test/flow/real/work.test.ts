// What a real Odoo does by itself or for somebody who waits long, and that no sleep cuts it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from 'pg'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { annotationKeys } from '#shared/instance/names.ts'
import { chromiumPath, openBrowser, withoutBrowser } from '../browse.ts'
import { askToSleep, databaseUrl, endOf, type Instance, SLOW, stays } from './instance.ts'
import { noOdoo } from './obtainable.ts'
import { type RealWorld, realWorld } from './world.ts'
import * as web from './web-client.ts'

const IDLE_SECONDS = 30
/** So long Odoo, told to end, waits for a tab that does not answer its goodbye. */
const GOODBYE_SECONDS = 15

describe.skipIf(noOdoo !== undefined)(`a real Odoo at work${noOdoo ?? ''}`, () => {
  let real: RealWorld
  let demo: Instance
  beforeAll(async () => {
    real = await realWorld(`${IDLE_SECONDS}s`)
    demo = real.demo
  })
  afterAll(() => real?.[Symbol.asyncDispose]())

  it('is woken for a scheduled job that is due, runs it once, and sleeps again', async () => {
    const code = `env['res.partner'].create({'name': 'made by schedule'})`
    const [{ id: model } = { id: 0 }] = await demo.sql<{ id: number }>(
      `SELECT id FROM ir_model WHERE model = 'res.partner'`,
    )
    const values = { name: 'Make', model_id: model, state: 'code', code, interval_number: 1, interval_type: 'months' }
    const job = await demo.call('ir.cron', 'create', [{ ...values, nextcall: '2090-01-01 00:00:00' }])
    await demo.sql(`UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day' WHERE id = $1`, [job])
    await demo.annotate({ [annotationKeys.crons]: 'exact', [annotationKeys.cronJobs]: 'Make' })
    await demo.putToSleep()
    expect(await demo.why()).toContain('wakes at')
    // A day passes, in the two places that know the moment.
    await demo.sql(`UPDATE ir_cron SET nextcall = nextcall - interval '1 day' WHERE id = $1`, [job])
    await demo.annotate({ [annotationKeys.wakeAt]: Temporal.Now.instant().toString() })
    await expect.poll(demo.replicas, SLOW).toBe(1)
    await demo.asleep()
    expect(await demo.sql(`SELECT name FROM res_partner WHERE name = 'made by schedule'`)).toHaveLength(1)
    await demo.annotate({ [annotationKeys.crons]: 'never' })
  })

  it('answers a request that was under way when somebody wanted it asleep', async () => {
    const values = { name: 'slow', model_id: 1, state: 'code', code: `env.cr.execute('SELECT pg_sleep(8)')` }
    const action = await demo.call('ir.actions.server', 'create', [values])
    const slow = demo.call('ir.actions.server', 'run', [[action]])
    await expect.poll(demo.queries, SLOW).toContainEqual(expect.stringContaining('pg_sleep'))
    await askToSleep(real.world, 'demo')
    expect(await demo.replicas()).toBe(1)
    expect(await slow).toBe(false)
    expect(await endOf(demo)).toMatchObject({ killed: false })
  })

  it('sleeps with twenty open tabs and one that answers nothing, closes none of them and waits for none', async () => {
    await demo.call('res.partner', 'search_count', [[]])
    const alone = await endOf(demo)
    await demo.call('res.partner', 'search_count', [[]])
    const tabs: WebSocket[] = []
    while (tabs.length < 20) tabs.push(await openSocket(real, true))
    const silent = await openSocket(real, false)
    silent.pause()
    const { seconds, killed } = await endOf(demo)
    expect(killed).toBe(false)
    expect(seconds).toBeLessThan(alone.seconds + GOODBYE_SECONDS)
    expect(tabs.map(({ readyState }) => readyState)).toEqual(tabs.map(() => WebSocket.OPEN))
    for (const tab of [...tabs, silent]) tab.terminate()
  })

  describe.skipIf(chromiumPath === undefined)(`in a browser${withoutBrowser}`, () => {
    let browser: Browser
    let page: Page
    beforeAll(async () => {
      browser = await openBrowser()
      page = await web.openPage(browser)
      await web.signIn(page, demo)
    })
    afterAll(() => browser?.close())
    afterEach(({ task }) => web.showWhenFailed(task, page))

    it('does not sleep while an export is under way, however long that takes and whoever asks', async () => {
      await demo.sql(`INSERT INTO res_partner (name, complete_name, active, type)
                      SELECT 'exported ' || n, 'exported ' || n, true, 'contact' FROM generate_series(1, 2000) n`)
      const blocker = new Client({ connectionString: await databaseUrl(real.world, demo.database) })
      await blocker.connect()
      await blocker.query('BEGIN; LOCK TABLE res_partner IN ACCESS EXCLUSIVE MODE')
      const exporting = web.exportNames(page)
      await expect.poll(demo.queries, SLOW).toContainEqual(expect.stringContaining('res_partner'))
      await askToSleep(real.world, 'demo')
      await stays(demo.replicas, 1, (IDLE_SECONDS + 10) * 1000)
      await blocker.query('ROLLBACK')
      await blocker.end()
      const csv = await exporting
      expect(csv.slice(0, 4)).toBe('200 ')
      expect(csv.match(/"exported \d+"/g)).toHaveLength(2000)
    })

    it('does not sleep while a PDF is being printed, however long a picture in it takes', async ({ skip }) => {
      // An Odoo of one's own may have no printer.
      skip((await demo.call('ir.actions.report', 'get_wkhtmltopdf_state', [])) === 'install', 'no wkhtmltopdf')
      const picture = await withheldPicture()
      const report = await reportWith(demo, picture.url)
      const printing = web.print(page, report)
      expect(await Promise.race([picture.asked, printing])).toBe('asked')
      await askToSleep(real.world, 'demo')
      await stays(demo.replicas, 1, (IDLE_SECONDS + 10) * 1000)
      picture.give()
      expect(await printing).toBe('200 application/pdf %PDF-')
    })
  })
})

/** A picture that a page waits for until it is given. */
async function withheldPicture() {
  const asked = Promise.withResolvers<'asked'>()
  const given = Promise.withResolvers<void>()
  const server = createServer((_, response) => {
    asked.resolve('asked')
    void given.promise.then(() => response.end(web.picture().buffer))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const give = (): void => {
    given.resolve()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}/picture.png`, asked: asked.promise, give }
}

/** A report of the owner's own, about nobody. Its address. */
async function reportWith({ call }: Instance, picture: string): Promise<string> {
  const body = `<t t-call="web.basic_layout"><img src="${picture}"/></t>`
  const view = { name: 'letter', key: 'base.letter', type: 'qweb', arch: `<t t-name="base.letter">${body}</t>` }
  await call('ir.ui.view', 'create', [view])
  const report = { name: 'Letter', model: 'res.partner', report_name: 'base.letter', report_type: 'qweb-pdf' }
  await call('ir.actions.report', 'create', [report])
  return '/report/pdf/base.letter/1'
}

async function openSocket({ world, demo }: RealWorld, autoPong: boolean): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${world.port}/websocket?version=19.0-2`, {
    headers: { host: `demo.localhost:${world.port}`, origin: new URL(demo.url()).origin },
    autoPong,
  })
  await new Promise<unknown>((done, fail) => socket.once('open', done).once('error', fail))
  return socket
}
