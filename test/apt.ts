import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const INSTALL_LIMIT_MS = 10 * 60_000
const run = promisify(execFile)

/** Brings a package of Debian to this machine, where we may. */
export async function aptInstall(name: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('needs root')
  await apt(['update'])
  await apt(['install', '-y', '--no-install-recommends', name])
}

/** Only its files, below `folder`: a package that is installed may start a server of its own. */
export async function aptUnpack(name: string, folder: string): Promise<void> {
  try {
    await apt(['download', name], folder)
  } catch {
    await apt(['update'])
    await apt(['download', name], folder)
  }
  const file = (await readdir(folder)).find((one) => one.endsWith('.deb'))
  if (file === undefined) throw new Error(`apt-get download ${name} left no package`)
  await run('dpkg-deb', ['-x', join(folder, file), folder], { timeout: INSTALL_LIMIT_MS })
}

function apt(args: readonly string[], cwd?: string): Promise<unknown> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { timeout: INSTALL_LIMIT_MS, env, ...(cwd !== undefined && { cwd }) }
  return run('apt-get', ['-q', '-o', 'Acquire::Check-Valid-Until=false', ...args], options)
}
