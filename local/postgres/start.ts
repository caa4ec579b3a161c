/**
 * A real PostgreSQL for one machine: its own data directory, its own port on a loopback address, never as root, ended with
 * us. Who may log in is asked for a SCRAM password even here, because a cluster's server does so too.
 */
import type { ChildProcess } from 'node:child_process'
import { appendFile, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '#shared/server/log.ts'
import { findBinaries, type Binaries } from './binaries.ts'
import { PostgresStartError } from './errors.ts'
import { initialise, type Seed } from './initialise.ts'
import { COPIES, findPlace, type Place } from './place.ts'
import { choosePort } from './port.ts'
import { leftover, startOf, startProgram, stopServer } from './process.ts'
import { untilReady } from './ready.ts'
import { serverUser, type User } from './user.ts'

export interface PostgresOptions {
  /** Kept between starts: password, port and log are in it; the data too, where the server's user can enter it. */
  readonly dataDir: string
  /** A loopback address, or with `networks` another one of this machine. */
  readonly host?: string
  /** Who may log in besides this machine's loopback, such as `10.244.0.0/16`. */
  readonly networks?: readonly string[]
  /** Fixed port; without it the system chooses one, which is then used again at the next start if it is free. */
  readonly port?: number
  /** Major version, for tests: 15 is only had where the machine brings it. */
  readonly major?: number
  /** False gives up safety against power cuts for speed. For tests. */
  readonly durable?: boolean
  /** What a new data directory begins as, instead of an empty cluster. */
  readonly seed?: Seed | undefined
  /** Aborted while starting: nothing is left behind. Aborted later: the same as stop(). */
  readonly signal: AbortSignal
  readonly log: Log
}

export interface RunningPostgres {
  /** Superuser `platform_root`, database `postgres`, with the password in it. */
  readonly adminUrl: string
  readonly host: string
  readonly port: number
  readonly pid: number
  readonly version: string
  /** Where its files are. */
  readonly data: string
  /** Cuts the sessions, writes a checkpoint and returns when the server is gone. */
  stop(): Promise<void>
}

const SUPERUSER = 'platform_root'
const LOG_LIMIT_BYTES = 10 * 1024 * 1024
const START_ATTEMPTS = 3
/** PostgreSQL's last words when its port is taken (postmaster.c). */
const NOWHERE_TO_LISTEN = 'could not create any TCP/IP sockets'

export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options)
    } catch (error) {
      // between our look at a port and the server's own bind, somebody else may have taken it
      const isTaken = error instanceof PostgresStartError && error.message.includes(NOWHERE_TO_LISTEN)
      if (!isTaken || options.port !== undefined || attempt === START_ATTEMPTS) throw error
    }
  }
}

async function startOnce(options: PostgresOptions): Promise<RunningPostgres> {
  const { signal, log, host = '127.0.0.1' } = options
  signal.throwIfAborted()
  const user = await serverUser()
  const binaries = await findBinaries({ ...options, user, copies: COPIES })
  const place = await findPlace(options.dataDir, user)
  await endPrevious(place, log)
  const firstTime = await initialise({ binaries, place, user, superuser: SUPERUSER, seed: options.seed, signal })
  if (firstTime) await admit(place, options.networks ?? [])
  const port = await choosePort({ host, wanted: options.port, before: place.remembered.port })
  await place.remember({ port, startedBy: { pid: process.pid, since: (await startOf(process.pid)) ?? '' } })

  const child = await launch({ binaries, place, user, host, port, durable: options.durable ?? true })
  const { pid } = child
  if (pid === undefined) throw new PostgresStartError(`cannot run ${binaries.bin}/postgres`)
  const adminUrl = `postgres://${SUPERUSER}:${place.remembered.password}@${host}:${port}/postgres`
  const stop = stopper(child, pid, signal)
  try {
    await untilReady({ adminUrl, child, log: place.log, signal })
  } catch (error) {
    await stop()
    throw error
  }
  log.info({ version: binaries.version, host, port, pid, firstTime }, 'PostgreSQL is ready')
  return { adminUrl, host, port, pid, version: binaries.version, data: place.data, stop }
}

/** A server whose starter was killed goes on running. One whose starter still lives is in use, and not ours to end. */
async function endPrevious(place: Place, log: Log): Promise<void> {
  const pid = await leftover(place.data)
  if (pid === undefined) return
  const starter = place.remembered.startedBy
  if (starter && starter.pid !== process.pid && (await startOf(starter.pid)) === starter.since) {
    throw new PostgresStartError(`PostgreSQL already runs here for process ${starter.pid}: end that one first`)
  }
  log.warn({ pid }, 'ending a PostgreSQL that an earlier start left running')
  await stopServer(pid)
}

async function admit({ data }: Place, networks: readonly string[]): Promise<void> {
  const lines = networks.map((network) => `host all all ${network} scram-sha-256\n`)
  await appendFile(join(data, 'pg_hba.conf'), lines.join(''))
}

async function launch(how: {
  readonly binaries: Binaries
  readonly place: Place
  readonly user: User | undefined
  readonly host: string
  readonly port: number
  readonly durable: boolean
}): Promise<ChildProcess> {
  const { binaries, place, user } = how
  await rotate(place.log)
  const output = await open(place.log, 'a')
  try {
    return startProgram(`${binaries.bin}/postgres`, ['-D', place.data, ...settings(how)], { user, output: output.fd })
  } finally {
    await output.close()
  }
}

function settings({ host, port, durable }: { host: string; port: number; durable: boolean }): string[] {
  const values: Record<string, string> = {
    listen_addresses: host,
    port: String(port),
    unix_socket_directories: '',
    max_connections: '300',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %u@%d ',
    // A statement in the log could carry what a tenant wrote; the error itself is enough.
    log_min_error_statement: 'panic',
    ...(!durable && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function rotate(log: string): Promise<void> {
  const size = await stat(log).then(
    (found) => found.size,
    () => 0,
  )
  if (size < LOG_LIMIT_BYTES) return
  await rm(`${log}.1`, { force: true })
  await rename(log, `${log}.1`)
}

function stopper(child: ChildProcess, pid: number, signal: AbortSignal): () => Promise<void> {
  // The last resort, when our own process ends without anybody having called stop(). No waiting is possible there.
  const onExit = (): void => void child.kill('SIGQUIT')
  process.once('exit', onExit)
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= stopServer(pid).finally(() => {
      process.off('exit', onExit)
      signal.removeEventListener('abort', onAbort)
    })
    return stopping
  }
  const onAbort = (): void => void stop()
  signal.addEventListener('abort', onAbort, { once: true })
  return stop
}
