/** Where the data of one local PostgreSQL lies, and what must be remembered about it between two starts. */
import { createHash, randomBytes } from 'node:crypto'
import { chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PostgresStartError } from './errors.ts'
import { leftover, stopServer } from './process.ts'
import { canEnter, ownDirectory, type User } from './user.ts'

/** Copies and data go here when the server's user cannot enter the directory we were given. */
export const COPIES = '/var/tmp/platxa-functions'

/** `postgres.json` in the data directory: readable by its owner alone, for the password in it. */
export interface Remembered {
  readonly password: string
  readonly port?: number
  /** Who started it last, so that a second start finds out whether the first is still alive. */
  readonly startedBy?: { readonly pid: number; readonly since: string }
}

export interface Place {
  /** PostgreSQL's own data directory; its parent belongs to the server's user. */
  readonly data: string
  readonly log: string
  readonly remembered: Remembered
  remember(change: Partial<Remembered>): Promise<void>
}

export async function findPlace(dataDir: string, user: User | undefined): Promise<Place> {
  const given = resolve(dataDir)
  await mkdir(given, { recursive: true })
  const file = join(given, 'postgres.json')
  const found = await read(file)
  let remembered: Remembered = found ?? { password: randomBytes(24).toString('base64url') }
  const remember = async (change: Partial<Remembered>): Promise<void> => {
    remembered = { ...remembered, ...change }
    await writeFile(`${file}.new`, JSON.stringify(remembered), { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  const home = await homeOf(given, user)
  // Without its password the old data is of no use to anybody: the directory was removed to begin anew.
  if (!found) await rm(join(home, 'data'), { recursive: true, force: true })
  await remember({})
  return {
    data: join(home, 'data'),
    log: join(given, 'postgres.log'),
    get remembered() {
      return remembered
    },
    remember,
  }
}

async function read(file: string): Promise<Remembered | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Remembered
  } catch (cause) {
    throw new PostgresStartError(`${file} is not readable: remove its directory to begin with an empty database`, {
      cause,
    })
  }
}

async function homeOf(given: string, user: User | undefined): Promise<string> {
  if (!user) return given
  if (await canEnter(given, user)) return owned(join(given, 'server'), user)
  await ownDirectory(COPIES)
  await sweep()
  const home = await owned(join(COPIES, createHash('sha256').update(given).digest('hex').slice(0, 16)), user)
  await writeFile(join(home, 'for'), given)
  return home
}

/** Data whose own directory was removed is nobody's any more. */
async function sweep(): Promise<void> {
  for (const name of await readdir(COPIES)) {
    const home = join(COPIES, name)
    const given = await readFile(join(home, 'for'), 'utf8').catch(() => undefined)
    if (given === undefined || (await exists(given))) continue
    const pid = await leftover(join(home, 'data'))
    if (pid !== undefined) await stopServer(pid)
    await rm(home, { recursive: true, force: true })
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function owned(directory: string, user: User): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if ((await stat(directory)).uid !== user.uid) await chown(directory, user.uid, user.gid)
  return directory
}
