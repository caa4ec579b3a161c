// The script of the loading page in a real browser, at a door that tells it what a test wants it to hear.
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Progress } from '#functions/wake/own-paths.ts'
import { createPages, wakingView } from '#functions/wake/page/page.ts'
import { chromiumPath, openBrowser, withoutBrowser } from './browse.ts'

const PATIENCE = { timeout: 30_000 }
const starting: Progress = {
  state: 'waking',
  phase: 'starting',
  soon: false,
  seconds: 1,
  typicalSeconds: 3,
  stepSeconds: [],
  message: 'It takes a while.',
  unusual: false,
}
const nearly: Progress = { ...starting, phase: 'database', soon: true, seconds: 2 }

describe.skipIf(chromiumPath === undefined)(`the script of the loading page${withoutBrowser}`, () => {
  let browser: Browser
  let server: Server
  let progress: Progress
  let questions: number
  /** Whoever came for the page and was not answered with the loading page. */
  let held: ServerResponse[]
  let shown: number

  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  beforeEach(async () => {
    ;[progress, questions, held, shown] = [starting, 0, [], 0]
    server = createServer((request, response) => {
      if (request.url?.startsWith('/.platxa/wake')) {
        questions += 1
        response.setHeader('content-type', 'application/json').end(JSON.stringify(progress))
      } else if (progress.state === 'waking' && !progress.soon) show(response)
      else held.push(response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  function show(response: ServerResponse): void {
    shown += 1
    const view = wakingView({
      phase: progress.phase,
      trouble: null,
      usualMs: 3_000,
      elapsedMs: 0,
    })
    const visit = { view, host: 'demo.localhost', acceptLanguage: 'en', elapsedMs: 1_000, retryAfterSeconds: 1 }
    const { status, headers, body } = createPages().of(visit)
    response.writeHead(status, [...headers]).end(body, 'latin1')
  }

  async function open() {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/odoo`)
    return page
  }
  const asked = async (more = 2): Promise<void> => {
    const before = questions
    await expect.poll(() => questions, PATIENCE).toBeGreaterThanOrEqual(before + more)
  }

  it('goes to the door when the instance is nearly there, once, and goes on asking until it is answered', async () => {
    const page = await open()
    await asked()
    expect([shown, held.length]).toEqual([1, 0])
    progress = nearly
    await expect.poll(() => held.length, PATIENCE).toBe(1)
    await asked()
    expect(held.length).toBe(1)
    held[0]?.setHeader('content-type', 'text/html').end('<h1>Odoo</h1>')
    await page.locator('text=Odoo').waitFor(PATIENCE)
    await page.close()
  })

  it('does not go there again when it was shown the loading page instead, until the instance answers', async () => {
    const page = await open()
    progress = nearly
    await expect.poll(() => held.length, PATIENCE).toBe(1)
    const [first] = held
    if (first !== undefined) show(first)
    await asked(3)
    expect([shown, held.length]).toEqual([2, 1])
    progress = { ...starting, state: 'ready', phase: 'ready' }
    await expect.poll(() => held.length, PATIENCE).toBe(2)
    await page.close()
  })

  it('says what there is to say, and no longer than that', async () => {
    const page = await open()
    const said = () =>
      page
        .locator('main')
        .evaluate((main) => [main.querySelector('#note')?.textContent, main.hasAttribute('data-said')])
    await expect.poll(said, PATIENCE).toEqual(['It takes a while.', false])
    progress = { ...starting, message: 'It falls asleep first.', unusual: true }
    await expect.poll(said, PATIENCE).toEqual(['It falls asleep first.', true])
    progress = starting
    await expect.poll(said, PATIENCE).toEqual(['It takes a while.', false])
    await page.close()
  })

  it('comes again when somebody has stopped it on its way', async () => {
    const page = await open()
    // While the page is on its way, Playwright itself waits.
    const devtools = await page.context().newCDPSession(page)
    progress = nearly
    await expect.poll(() => held.length, PATIENCE).toBe(1)
    await devtools.send('Page.stopLoading')
    progress = { ...starting, state: 'ready', phase: 'ready' }
    await expect.poll(() => held.length, PATIENCE).toBe(2)
    await page.close()
  })
})
