// A tab of a real Odoo that stays open while its instance sleeps.
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, openBrowser, withoutBrowser } from '../browse.ts'
import { type Instance, stays } from './instance.ts'
import { noOdoo } from './obtainable.ts'
import { type RealWorld, realWorld } from './world.ts'
import * as web from './web-client.ts'

const IDLE_SECONDS = 45
const impossible = noOdoo ?? (chromiumPath === undefined ? withoutBrowser : undefined)

describe.skipIf(impossible !== undefined)(`an open tab of a real Odoo${impossible ?? ''}`, () => {
  let real: RealWorld
  let demo: Instance
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    real = await realWorld(`${IDLE_SECONDS}s`)
    demo = real.demo
    browser = await openBrowser()
    page = await web.openPage(browser)
    await web.signIn(page, demo)
    await demo.call('res.partner', 'create', [{ name: 'Ada' }])
  })
  afterAll(async () => {
    await browser?.close()
    await real?.[Symbol.asyncDispose]()
  })
  afterEach(({ task }) => web.showWhenFailed(task, page))

  it('does not keep its instance awake, and nothing is drawn on it when that falls asleep', async () => {
    await page.goto(demo.url('/odoo/contacts'))
    await web.contact(page, 'Ada').waitFor()
    await page.mouse.move(600, 790)
    await demo.asleep()
    expect(await web.messagesOn(page)).toEqual([])
    // Awake, its own server may have it draw something at any time: a counter, who is online.
    const before = await web.drawn(page)
    await page.waitForTimeout(10_000)
    expect(await web.messagesOn(page)).toEqual([])
    expect((await web.drawn(page)).equals(before)).toBe(true)
  })

  it('does not wake it by ten retries of its own', async () => {
    expect(await web.retry(page, 10)).toEqual(Array.from({ length: 10 }, () => ['open', 200, 200]))
    await stays(demo.replicas, 0, 5000)
    expect(await web.messagesOn(page)).toEqual([])
  })

  it('holds the click that wakes it, and opens the view without a message', async () => {
    expect(await demo.replicas()).toBe(0)
    await web.contact(page, 'Ada').click()
    await page.locator('.o_form_view').waitFor()
    expect(await demo.replicas()).toBe(1)
    expect(await web.messagesOn(page)).toEqual([])
  })

  it('then hears what another person says, by the bus, without being reloaded', async () => {
    await page.goto(demo.url('/odoo/discuss'))
    await page.locator('.o-mail-DiscussSidebar').getByText('general').first().click()
    await page.locator('.o-mail-Composer').waitFor()
    const other = await web.openPage(browser)
    await web.signIn(other, demo)
    await demo.putToSleep()
    const said = await web.postMessage(other, 'good morning')
    expect(said).toMatchObject({ result: expect.anything() as unknown })
    await page.locator('.o-mail-Message', { hasText: 'good morning' }).waitFor()
    expect(await web.messagesOn(page)).toEqual([])
    await other.context().close()
  })

  it('keeps its instance awake while somebody clicks on it without asking for anything, and no longer', async () => {
    await page.goto(demo.url('/odoo/contacts'))
    await web.contact(page, 'Ada').waitFor()
    const end = Date.now() + IDLE_SECONDS * 3000
    while (Date.now() < end) {
      await page.mouse.click(600, 790)
      await stays(demo.replicas, 1, 5000)
    }
    expect(await demo.why()).toContain('presence')
    expect(await web.messagesOn(page)).toEqual([])
    await demo.asleep()
  })
})
