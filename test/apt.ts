import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const INSTALL_LIMIT_MS = 10 * 60_000
const run = promisify(execFile)

/** Brings a package of Debian to this machine, where we may. */
export async function aptInstall(name: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('needs root')
  const options = { timeout: INSTALL_LIMIT_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  const apt = (...args: string[]): Promise<unknown> =>
    run('apt-get', ['-q', '-o', 'Acquire::Check-Valid-Until=false', ...args], options)
  await apt('update')
  await apt('install', '-y', '--no-install-recommends', name)
}
