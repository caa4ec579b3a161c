// The loading page as different people have it, all of them during one wake of one instance.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, openBrowser, withoutBrowser } from './browse.ts'
import { type LocalWorld, localWorld, replicasOf } from './local-world.ts'

/** Long enough for every context to be there before the instance is. */
const START_SECONDS = 20

describe.skipIf(chromiumPath === undefined)(`the loading page${withoutBrowser}`, () => {
  let world: LocalWorld
  let browser: Browser
  const pages = new Map<string, Page>()
  const complaints: string[] = []

  const page = (who: string): Page => {
    const found = pages.get(who)
    if (found === undefined) throw new Error(`nobody is ${who}`)
    return found
  }

  async function visit(who: string, options: BrowserContextOptions, path: string): Promise<void> {
    const context = await browser.newContext(options)
    const opened = await context.newPage()
    opened.on('pageerror', (error) => complaints.push(`${who}: ${error.message}`))
    opened.on('console', (message) => {
      // That a loading page is a 503 is meant.
      if (message.type() === 'error' && !message.text().includes('503')) complaints.push(`${who}: ${message.text()}`)
    })
    pages.set(who, opened)
    const answer = await opened.goto(`http://demo.localhost:${world.port}${path}`)
    expect(answer?.status()).toBe(503)
  }

  beforeAll(async () => {
    world = await localWorld({ STANDIN_START_SECONDS: String(START_SECONDS) })
    await world.start('--idle-timeout', '12s')
    const kubernetes = await world.kubernetes()
    while ((await replicasOf(kubernetes, 'demo')) !== 0) await sleep(250)
    browser = await openBrowser()
    await visit('somebody with a fragment', { locale: 'fr-FR' }, '/web/login#menu=7')
    await visit('somebody without JavaScript', { javaScriptEnabled: false, locale: 'de-DE' }, '/web/login')
    await visit('somebody at night', { colorScheme: 'dark', reducedMotion: 'reduce', locale: 'en-GB' }, '/web/login')
    await visit('somebody who reads Arabic', { locale: 'ar-EG' }, '/web/login')
  })
  afterAll(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
  })

  it('speaks the language of its reader, in its direction', async () => {
    expect(await page('somebody with a fragment').textContent('h1')).toBe('Réveil en cours')
    expect(await page('somebody without JavaScript').textContent('h1')).toBe('Wacht gerade auf')
    const arabic = page('somebody who reads Arabic')
    expect(await arabic.getAttribute('html', 'dir')).toBe('rtl')
    const [dot, text] = [await arabic.locator('li').first().boundingBox(), await arabic.locator('ol').boundingBox()]
    expect((dot?.x ?? 0) + (dot?.width ?? 0)).toBeCloseTo((text?.x ?? 0) + (text?.width ?? 0), 0)
  })

  it('is dark at night, and moves for nobody who does not want that', async () => {
    const dark = page('somebody at night')
    const look = await dark.evaluate<unknown>(`({
      paper: getComputedStyle(document.body).backgroundColor,
      moving: [...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).animationName !== 'none').length,
      transition: getComputedStyle(document.querySelector('.sun')).transitionDuration,
    })`)
    expect(look).toEqual({ paper: 'rgb(18, 18, 42)', moving: 0, transition: '0s' })
    const paper = `getComputedStyle(document.body).backgroundColor`
    const light = await page('somebody with a fragment').evaluate<unknown>(paper)
    expect(light).toBe('rgb(246, 245, 251)')
  })

  it('tells a screen reader what it is, which step it is at, and every change', async () => {
    const seen = () => page('somebody at night').locator('body').ariaSnapshot()
    expect(await seen()).toContain('heading "Waking up" [level=1]')
    expect(await seen()).toContain('list')
    // At first its old pod may still be ending.
    await expect.poll(seen, { timeout: 30_000 }).toMatch(/status: .*(?:usually takes|longer than usual)/)
    expect(await page('somebody at night').locator('[aria-current=step]').count()).toBe(1)
    await expect.poll(() => page('somebody at night').textContent('#heard'), { timeout: 30_000 }).not.toBe('')
  })

  it(
    'gives way to the instance by itself: the fragment is kept, and no script is needed',
    { timeout: 180_000 },
    async () => {
      for (const one of pages.values()) await one.locator('input[name=login]').waitFor({ timeout: 120_000 })
      expect(page('somebody with a fragment').url()).toMatch(/\/web\/login#menu=7$/)
      expect(complaints).toEqual([])
    },
  )
})
