// Odoo's own web client in a real browser, by what a person sees of it.
import { createHash } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
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
const script = (lines: string): string => `(async () => {\n${lines}\n})()`

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
