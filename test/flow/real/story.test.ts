// What is promised, told with a real Odoo in real processes and a real browser in front of it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { programOf } from '#local/real-odoo/run.ts'
import { chromiumPath, openBrowser, withoutBrowser } from '../browse.ts'
import type { Instance } from './instance.ts'
import { noOdoo } from './obtainable.ts'
import { type RealWorld, realWorld } from './world.ts'
import * as web from './web-client.ts'

const run = promisify(execFile)
const missing = async (program: string): Promise<boolean> => (await programOf(program)) === undefined
const [noPython, noCurl] = [await missing('python3'), await missing('curl')]

describe.skipIf(noOdoo !== undefined)(`a real Odoo${noOdoo ?? ''}`, () => {
  let real: RealWorld
  let demo: Instance
  beforeAll(async () => {
    real = await realWorld('45s')
    demo = real.demo
  })
  afterAll(() => real?.[Symbol.asyncDispose]())

  it('has an identity of its own and its own name in links, and nothing that was made up for a demonstration', async () => {
    const keys = ['database.uuid', 'database.secret', 'web.base.url', 'report.url']
    const read = async ({ sql }: Instance): Promise<Record<string, string>> => {
      const rows = await sql<{ key: string; value: string }>(
        'SELECT key, value FROM ir_config_parameter WHERE key = ANY ($1)',
        [keys],
      )
      return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
    }
    const [one, other] = await Promise.all([read(demo), read(real.shop)])
    expect(Object.keys(one).toSorted()).toEqual(keys.toSorted())
    expect(one['web.base.url']).toBe(`http://demo.localhost:${real.world.port}`)
    // Where Odoo itself fetches what a report shows: never through the front door, which would count it as activity.
    expect(one['report.url']).toBe('http://127.0.0.1:8069')
    for (const key of ['database.uuid', 'database.secret']) expect(one[key]).not.toBe(other[key])
    expect(await demo.sql('SELECT name FROM ir_module_module WHERE demo')).toEqual([])
  })

  describe.skipIf(chromiumPath === undefined)(`in a browser${withoutBrowser}`, () => {
    let browser: Browser
    let page: Page
    beforeAll(async () => {
      browser = await openBrowser()
      page = await web.openPage(browser)
    })
    afterAll(() => browser?.close())
    afterEach(({ task }) => web.showWhenFailed(task, page))

    it('lets its owner sign in and compiles nothing for the first visitor', async () => {
      const bundles = (): Promise<unknown> =>
        demo.sql(
          `SELECT name FROM ir_attachment WHERE url LIKE '/web/assets/%' AND url ~ 'assets_(web|frontend)' ORDER BY name`,
        )
      const before = await bundles()
      await web.signIn(page, demo)
      expect(await bundles()).toEqual(before)
    })

    it('falls asleep when nobody uses it, and has the session and a picture that was saved before when it wakes', async () => {
      await web.saveContact(page, demo, 'Ada')
      await page.goto('about:blank')
      await demo.asleep()
      await page.goBack()
      expect(await web.showsPicture(page)).toBe(true)
      expect(page.url()).toMatch(/\/contacts\/\d+/)
    })

    it('takes an upload of 50 MB that began while it slept, whole', async () => {
      const size = 50 * 1024 * 1024
      await demo.putToSleep()
      await web.upload(page, size)
      const found = await demo.sql(`SELECT file_size, checksum FROM ir_attachment WHERE name = 'large.bin'`)
      expect(found).toEqual([{ file_size: size, checksum: web.uploadedSha1(size) }])
    })
  })

  const made = (): Promise<unknown> =>
    demo.sql(`SELECT name FROM res_partner WHERE name LIKE 'made by %' ORDER BY name`)

  it.skipIf(noPython)("answers Python's XML-RPC when it sleeps, and does what was asked once", async () => {
    await demo.putToSleep()
    const script = [
      'import socket, sys, xmlrpc.client',
      'real = socket.getaddrinfo',
      // Not every resolver knows *.localhost.
      "socket.getaddrinfo = lambda host, *rest, **more: real('127.0.0.1', *rest, **more)",
      'url, database, login, password = sys.argv[1:]',
      "user = xmlrpc.client.ServerProxy(url + 'xmlrpc/2/common').authenticate(database, login, password, {})",
      "models = xmlrpc.client.ServerProxy(url + 'xmlrpc/2/object')",
      "print(models.execute_kw(database, user, password, 'res.partner', 'create', [{'name': 'made by XML-RPC'}]))",
    ].join('\n')
    const { stdout } = await run('python3', ['-c', script, demo.url(), demo.database, demo.login, demo.password])
    expect(Number(stdout)).toBeGreaterThan(0)
    expect(await made()).toEqual([{ name: 'made by XML-RPC' }])
  })

  it.skipIf(noCurl)("answers curl's JSON-RPC when it sleeps, and does what was asked once", async () => {
    await demo.putToSleep()
    const args = [demo.database, 2, demo.password, 'res.partner', 'create', [{ name: 'made by JSON-RPC' }]]
    const params = { service: 'object', method: 'execute_kw', args }
    const { stdout } = await run('curl', [
      '--silent',
      '--resolve',
      `demo.localhost:${real.world.port}:127.0.0.1`,
      '--header',
      'content-type: application/json',
      '--data',
      JSON.stringify({ jsonrpc: '2.0', method: 'call', params }),
      demo.url('/jsonrpc'),
    ])
    expect(JSON.parse(stdout)).toMatchObject({ result: expect.any(Number) as number })
    expect(await made()).toEqual([{ name: 'made by JSON-RPC' }, { name: 'made by XML-RPC' }])
  })

  it('leaves no process behind when it is stopped', async () => {
    expect(await real.world.stop()).toMatchObject({ code: 0 })
    expect(await real.world.processes()).toEqual([])
  })
})
