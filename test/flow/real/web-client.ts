// Odoo's own web client in a real browser, by what a person sees of it.
import { createHash } from 'node:crypto'
import type { Browser, Locator, Page } from 'playwright-core'
import { type Instance, SLOW } from './instance.ts'

/** With cookies of its own. */
export async function openPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } })
  context.setDefaultTimeout(SLOW.timeout)
  return context.newPage()
}

/** What a person would have seen, for who reads why a test failed. */
export async function showWhenFailed({ result }: { result?: { state: string } }, page: Page): Promise<void> {
  if (result?.state !== 'fail') return
  console.error(page.url(), (await page.locator('body').innerText()).slice(0, 2000))
}

export async function signIn(page: Page, { url, login, password }: Instance): Promise<void> {
  await page.goto(url('/web/login'))
  await page.fill('input[name=login]', login)
  await page.fill('input[name=password]', password)
  await page.click('button[type=submit]')
  await page.locator('.o_main_navbar').waitFor()
}

/** What Odoo draws when something is wrong or wants to be said. */
export const messages = '.o_notification, .o_dialog, .o_error_dialog, .o_blockUI, .alert-warning'

export async function messagesOn(page: Page): Promise<readonly string[]> {
  return page.locator(messages).allTextContents()
}

/** In the view of all contacts. Its name, because other cells of a row open something else. */
export function contact(page: Page, name: string): Locator {
  return page.locator('.o_kanban_record, .o_data_row').getByText(name, { exact: true }).first()
}

/** The page as it looks once it has come to rest. */
export async function drawn(page: Page): Promise<Buffer> {
  const look = (): Promise<Buffer> => page.screenshot({ animations: 'disabled', caret: 'hide' })
  for (let before = await look(); ;) {
    await page.waitForTimeout(1000)
    const now = await look()
    if (now.equals(before)) return now
    before = now
  }
}

/** A picture that is no other: one colour. */
export function picture(): { name: string; mimeType: string; buffer: Buffer } {
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  return { name: 'ada.png', mimeType: 'image/png', buffer: Buffer.from(png, 'base64') }
}

export async function saveContact(page: Page, { url }: Instance, name: string): Promise<void> {
  await page.goto(url('/odoo/contacts/new'))
  const field = (of: string): string => `.o_form_view .o_field_widget[name=${of}]`
  await page
    .locator(`${field('name')} textarea, ${field('name')} input`)
    .first()
    .fill(name)
  await page.locator(`${field('image_1920')} input[type=file]`).setInputFiles(picture())
  await page.locator(`${field('image_1920')} img[src^="data:"]`).waitFor()
  await page.locator('.o_form_button_save').click()
  // The address of a record that is there.
  await page.waitForURL(/\/contacts\/\d+/)
}

/** True when the browser could draw the picture that the instance sent. */
export async function showsPicture(page: Page): Promise<boolean> {
  await page.locator('.o_field_widget[name=image_1920] img').waitFor()
  const image = `document.querySelector('.o_field_widget[name=image_1920] img')`
  await page.waitForFunction(`${image}?.complete === true`)
  return page.evaluate<boolean>(`${image}.src.includes('/web/image/') && ${image}.naturalWidth > 0`)
}

/** Scripts for the page are texts: they run in the browser, whose types and globals are not ours. */
const post = `const post = async (path, params) => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', method: 'call', params }) })
  const text = await response.text()
  if (!text.includes('"result"')) throw new Error(path + ': ' + response.status + ' ' + text.slice(0, 500))
  return JSON.parse(text)
}`
const script = (lines: string): string => `(async () => {\n${post}\n${lines}\n})()`

/** What a tab does by itself: its handshakes, and the two calls that follow each. What came of them. */
export async function retry(page: Page, times: number): Promise<readonly unknown[]> {
  return page.evaluate<unknown[]>(
    script(`const outcomes = []
    const status = async (path, params) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(path, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', method: 'call', params }) })).status
    }
    for (let tries = 0; tries < ${times}; tries += 1) {
      const socket = new WebSocket('ws://' + location.host + '/websocket?version=19.0-2')
      const { type } = await new Promise((done) => { socket.onopen = socket.onerror = done })
      socket.close()
      const missed = await status('/bus/has_missed_notifications', { last_notification_id: 0 })
      outcomes.push([type, missed, await status('/web/webclient/version_info', {})])
    }
    return outcomes`),
  )
}

/** In the channel that every database has. */
export async function postMessage(page: Page, body: string): Promise<unknown> {
  return page.evaluate(
    script(`const asked = { model: 'discuss.channel', method: 'search', args: [[['name', '=', 'general']]], kwargs: {} }
    const { result } = await post('/web/dataset/call_kw', asked)
    const post_data = { body: ${JSON.stringify(body)}, message_type: 'comment', subtype_xmlid: 'mail.mt_comment' }
    return post('/mail/message/post', { thread_model: 'discuss.channel', thread_id: result[0], post_data })`),
  )
}

/** As a widget of the page uploads: multipart, with the token of the session. Bytes count up to 250 and begin anew. */
export async function upload(page: Page, bytes: number): Promise<void> {
  const answer = await page.evaluate<string>(
    script(`const content = new Uint8Array(${bytes})
    for (let index = 0; index < content.length; index += 1) content[index] = index % 251
    const form = new FormData()
    form.append('csrf_token', odoo.csrf_token)
    form.append('model', 'res.partner')
    form.append('id', '1')
    form.append('ufile', new File([content], 'large.bin'))
    const response = await fetch('/web/binary/upload_attachment', { method: 'POST', body: form })
    return response.status + ' ' + (await response.text())`),
  )
  if (!answer.startsWith('200')) throw new Error(answer.slice(0, 300))
}

export function uploadedSha1(bytes: number): string {
  const content = Buffer.alloc(bytes)
  for (let index = 0; index < bytes; index += 1) content[index] = index % 251
  return createHash('sha1').update(content).digest('hex')
}

/** The list view's own export: status and the whole file. */
export async function exportNames(page: Page): Promise<string> {
  return page.evaluate<string>(
    script(`const fields = [{ name: 'name', label: 'Name', type: 'char', store: true }]
    const asked = { model: 'res.partner', fields, ids: false, domain: [], groupby: [], import_compat: false, context: {} }
    const form = new FormData()
    form.append('csrf_token', odoo.csrf_token)
    form.append('data', JSON.stringify(asked))
    const response = await fetch('/web/export/csv', { method: 'POST', body: form })
    return response.status + ' ' + (await response.text())`),
  )
}

/** What the button Print fetches: status, type and the first bytes. */
export async function print(page: Page, path: string): Promise<string> {
  return page.evaluate<string>(
    script(`const response = await fetch(${JSON.stringify(path)})
    const text = await response.text()
    return response.status + ' ' + response.headers.get('content-type') + ' ' + text.slice(0, response.ok ? 5 : 1000)`),
  )
}
