// "What a person sees", told once from the first start to the last process gone.
import type { Browser, Page, Response } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from './ask.ts'
import { chromiumPath, openBrowser, withoutBrowser } from './browse.ts'
import { adminOf, type LocalWorld, localWorld, type Ran, replicasOf } from './local-world.ts'

const IDLE_SECONDS = 12
const ASLEEP = { timeout: 60_000, interval: 250 }

/** Some 13 s where nothing else runs (ARCHITECTURE.md); beyond this it is no matter of the machine. */
const HANGS_SECONDS = 180

describe('the story of one machine', () => {
  let world: LocalWorld
  let first: Ran
  const url = (name: string, path = '/'): string => `http://${name}.localhost:${world.port}${path}`
  const replicas = async (name: string): Promise<number | undefined> => replicasOf(await world.kubernetes(), name)
  const asleep = async (name: string): Promise<void> => {
    await expect.poll(() => replicas(name), ASLEEP).toBe(0)
  }

  beforeAll(async () => {
    world = await localWorld({ STANDIN_START_SECONDS: '3' })
    first = await world.start('--idle-timeout', `${IDLE_SECONDS}s`)
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  it('begins with one command that says where everything is', async () => {
    expect(first.output).toContain(`http://demo.localhost:${world.port}`)
    expect(first.code).toBe(0)
    const file = await world.file()
    expect(file).toMatchObject({
      console: `http://localhost:${world.port}`,
      instanceUrl: `http://{name}.localhost:${world.port}`,
    })
    expect(file.wakeMetrics).toHaveLength(2)
    for (const address of file.wakeMetrics) expect((await fetch(address)).status).toBe(200)
  })

  it('says so when it is started a second time', async () => {
    const again = await world.start()
    expect(again.output).toContain(`already runs, as process`)
    expect(again.output).toContain(`http://localhost:${world.port}`)
    expect(again.code).toBe(1)
  })

  it('puts both instances to sleep when nobody uses them', async () => {
    await Promise.all([asleep('demo'), asleep('shop')])
  })

  describe.skipIf(chromiumPath === undefined)(`in a browser${withoutBrowser}`, () => {
    let browser: Browser
    let page: Page

    beforeAll(async () => {
      browser = await openBrowser()
      page = await browser.newPage()
    })
    afterAll(() => browser.close())

    it('shows the loading page with its phases, then the page of Odoo, without a click', async () => {
      const answers: Response[] = []
      page.on('response', (response) => {
        if (response.request().isNavigationRequest()) answers.push(response)
      })
      await page.goto(url('demo', '/web/login'))
      expect(answers[0]?.status()).toBe(503)
      expect(await page.locator('main').textContent()).toContain(`demo.localhost`)
      await page.locator('input[name=login]').waitFor({ timeout: 30_000 })
      expect(answers.at(-1)?.status()).toBe(200)
    })

    it('holds a click in a tab that stayed open while the instance fell asleep', async () => {
      const { login, password } = await adminOf(await world.kubernetes(), 'demo')
      await page.fill('input[name=login]', login)
      await page.fill('input[name=password]', password)
      await Promise.all([page.waitForURL(/\/(odoo|web)(?!\/login)/), page.click('button')])
      await asleep('demo')
      await page.fill('#note input[name=text]', 'written while asleep')
      await page.click('#note button')
      await page.locator('#notes li', { hasText: 'written while asleep' }).waitFor({ timeout: 30_000 })
      expect(await page.locator('#status').textContent()).not.toContain('lost')
    })

    it('explains in the console why an instance is awake or asleep', async () => {
      const console = await browser.newPage()
      await console.goto(`http://localhost:${world.port}/`)
      const row = console.locator('tr', { hasText: 'demo' }).first()
      expect(await row.textContent()).toContain('awake')
      const shop = console.locator('tr', { has: console.locator('a.name', { hasText: 'shop' }) })
      expect(await shop.textContent()).toContain('asleep')
      await shop.getByRole('button', { name: 'Wake' }).click()
      await console.locator('.pill', { hasText: 'awake' }).waitFor({ timeout: 30_000 })
      await console.getByRole('button', { name: 'Put to sleep' }).click()
      await asleep('shop')
      await console.close()
    })
  })

  it('holds what an API client asks of a sleeping instance and answers it', async () => {
    await asleep('shop')
    const params = { service: 'common', method: 'version', args: [] }
    const json = { jsonrpc: '2.0', method: 'call', id: 1, params }
    const answer = await ask(url('shop', '/jsonrpc'), { method: 'POST', json })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({
      result: { server_version: expect.stringContaining('19.0') as string },
    })
    expect(answer.seconds).toBeGreaterThan(2)
  })

  it('ends with one command that leaves no process, and goes on where it was', async () => {
    expect(await world.stop()).toMatchObject({ code: 0 })
    expect(await world.processes()).toEqual([])
    const second = await world.start('--idle-timeout', `${IDLE_SECONDS}s`)
    expect(second).toMatchObject({ code: 0 })
    expect(second.seconds).toBeLessThan(HANGS_SECONDS)
    const visit = await ask(url('demo', '/web/login'), { method: 'POST', json: {} })
    expect(visit.status).toBeLessThan(500)
    expect(await world.stop()).toMatchObject({ code: 0 })
    expect(await world.processes()).toEqual([])
  })
})
