/** initdb, once: a half-made data directory (power cut, Ctrl-C) is never taken for a whole one. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { PostgresStartError } from './errors.ts'
import type { Place } from './place.ts'
import { startProgram } from './process.ts'
import type { User } from './user.ts'

/** A data directory to begin with, of a server that was ended in order. Kept by its own user. */
export interface Seed {
  readonly data: string
  /** Of the superuser. */
  readonly password: string
}

interface Options {
  readonly binaries: Binaries
  readonly place: Place
  readonly user: User | undefined
  readonly superuser: string
  readonly seed?: Seed | undefined
  readonly signal: AbortSignal
}

/** Returns whether the data directory is new. */
export async function initialise(options: Options): Promise<boolean> {
  const { place, binaries } = options
  const before = await versionOf(place.data)
  if (before === binaries.major) return false
  if (before !== undefined) {
    throw new PostgresStartError(
      `${place.data} was made by PostgreSQL ${before} and the programs found are ${binaries.version}: ` +
        'bring the same major version back, or begin anew (--fresh)',
    )
  }
  const half = `${place.data}.new`
  await rm(place.data, { recursive: true, force: true })
  const { seed, signal } = options
  if (seed !== undefined && (await versionOf(seed.data)) === binaries.major) {
    await copyData(seed.data, half, signal)
    await place.remember({ password: seed.password })
    await rename(half, place.data)
    return true
  }
  // C.UTF-8 knows letters and lower case and sorts by code point everywhere alike. Not every system has it.
  const failed = (await attempt(half, 'C.UTF-8', options)) && (await attempt(half, 'C', options))
  if (failed) throw new PostgresStartError(`initdb failed: ${failed}`)
  await rename(half, place.data)
  return true
}

/** With owner and rights; where the file system can, without copying a byte. */
export async function copyData(from: string, to: string, signal: AbortSignal): Promise<void> {
  await rm(to, { recursive: true, force: true })
  await promisify(execFile)('cp', ['-a', from, to], { signal })
}

async function versionOf(data: string): Promise<number | undefined> {
  const version = await readFile(`${data}/PG_VERSION`, 'utf8').catch(() => undefined)
  return version === undefined ? undefined : Number.parseInt(version, 10)
}

async function attempt(half: string, locale: string, options: Options): Promise<string | undefined> {
  const { binaries, place, user, superuser, signal } = options
  const passwordFile = `${half}.password`
  await rm(half, { recursive: true, force: true })
  try {
    await writeFile(passwordFile, place.remembered.password, { mode: 0o600 })
    if (user) await chown(passwordFile, user.uid, user.gid)
    const args = [`--pgdata=${half}`, `--username=${superuser}`, `--pwfile=${passwordFile}`, `--locale=${locale}`]
    args.push('--auth=scram-sha-256', '--encoding=UTF8', '--data-checksums', '--no-instructions')
    const child = startProgram(`${binaries.bin}/initdb`, args, { user, output: 'pipe' })
    const kill = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', kill)
    const output = child.stderr ? text(child.stderr) : ''
    child.stdout?.resume()
    const [code] = await once(child, 'close').finally(() => signal.removeEventListener('abort', kill))
    signal.throwIfAborted()
    return code === 0 ? undefined : lastLines(await output, 3)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

export function lastLines(all: string, count: number): string {
  return all.trim().split('\n').slice(-count).join(' ')
}
