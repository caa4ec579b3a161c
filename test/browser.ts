// A Chromium for the stories that are told in a browser: the machine's own, else one that this installs.
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { aptInstall } from './apt.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const MAC = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const INSTALL_LIMIT_MS = 10 * 60_000
const run = promisify(execFile)

/** Path of a browser that starts; PLATXA_CHROMIUM names another one than those of PATH. */
export async function findChromium(env = process.env): Promise<string | undefined> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter(Boolean)
  const candidates = [
    ...(env['PLATXA_CHROMIUM'] ? [env['PLATXA_CHROMIUM']] : []),
    ...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))),
    ...MAC,
    chromium.executablePath(),
  ]
  for (const path of candidates) if (await starts(path)) return path
  return undefined
}

/** Undefined, with what was tried, when this machine can have none. */
export async function obtainChromium(tell: (detail: string) => void): Promise<{ path?: string; faults: string[] }> {
  const faults: string[] = []
  const found = await findChromium()
  if (found !== undefined) return { path: found, faults }
  for (const { name, install } of [
    { name: 'apt-get install chromium', install: () => aptInstall('chromium') },
    { name: 'playwright-core install chromium', install: playwrightInstall },
  ]) {
    tell(name)
    const fault = await install().then(
      () => 'it is installed and does not start',
      (error: unknown) => (error instanceof Error ? (error.message.split('\n').at(-1) ?? '') : String(error)),
    )
    const path = await findChromium()
    if (path !== undefined) return { path, faults }
    faults.push(`${name}: ${fault}`)
  }
  return { faults }
}

async function starts(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    await run(path, ['--version', '--no-sandbox'], { timeout: 20_000 })
    return true
  } catch {
    return false
  }
}

async function playwrightInstall(): Promise<void> {
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')), 'cli.js')
  await run(process.execPath, [cli, 'install', 'chromium', '--only-shell'], { timeout: INSTALL_LIMIT_MS })
}
