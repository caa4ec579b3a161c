// A headless Chromium, as a person's browser: it keeps cookies, runs scripts, opens WebSockets.
import { type Browser, chromium } from 'playwright-core'
import { findChromium } from '#test/browser.ts'

/** Undefined where this machine has none. */
export const chromiumPath = await findChromium()

export const withoutBrowser =
  chromiumPath === undefined ? ' (skipped: no Chromium on PATH, and none could be installed)' : ''

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(chromiumPath !== undefined && { executablePath: chromiumPath }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
