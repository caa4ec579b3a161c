/** The PostgreSQL of this test run, prepared as a platform's: its admin is no superuser, as in a cluster. */
import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { findBinaries } from '#local/postgres/binaries.ts'
import { PostgresStartError } from '#local/postgres/errors.ts'
import { preparePostgres } from '#local/postgres/prepare.ts'
import { startPostgres } from '#local/postgres/start.ts'
import { type Admin, connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import { makeRunFolder } from './run-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

export interface PostgresWorld {
  /** URL of the superuser. */
  readonly url: string
  readonly root: Admin
  /** As the functions log in: may create databases and roles, nothing more. */
  readonly admin: Admin
  /** Frozen, with the few tables of the stand-in. */
  readonly template: string
  /** A tenant's own login. */
  tenant(role: string, password: string): Admin
  close(): Promise<void>
}

export const TEMPLATE = 'template_odoo_19'

export const silentLog = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}

/** The server that the run shares (test/world/global.ts). */
export function postgres(): Promise<PostgresWorld> {
  return prepare(inject('postgresUrl'), async () => {})
}

export interface OwnPostgres extends PostgresWorld {
  stop(): Promise<void>
  restart(): Promise<void>
}

/** The run's own server is the newest there is; the oldest one we support is there only where the machine brings it. */
export const VERSIONS = ['the newest', 15] as const
/** Behind the name of what a machine without it skips. */
export const NOT_HERE = ' (skipped: this machine does not bring it)'

export async function hasPostgres(version: (typeof VERSIONS)[number]): Promise<boolean> {
  if (version === 'the newest') return true
  try {
    await findBinaries({ major: version, user: undefined, copies: '', signal: AbortSignal.timeout(30_000) })
    return true
  } catch (error) {
    if (error instanceof PostgresStartError) return false
    throw error
  }
}

export function postgresOf(version: (typeof VERSIONS)[number]): Promise<PostgresWorld> {
  return version === 'the newest' ? postgres() : ownPostgres(version)
}

/** A server for one test file: to be stopped in between, or of another major version. */
export async function ownPostgres(major?: number): Promise<OwnPostgres> {
  const folder = await makeRunFolder()
  const start = (port?: number) =>
    startPostgres({
      dataDir: folder.postgres,
      durable: false,
      signal: new AbortController().signal,
      log: silentLog,
      ...(major !== undefined && { major }),
      ...(port !== undefined && { port }),
    })
  let running = await start()
  const world = await prepare(running.adminUrl, async () => {
    await running.stop()
    await folder.remove()
  })
  const restart = async (): Promise<void> => {
    running = await start(running.port)
  }
  return { ...world, restart, stop: () => running.stop() }
}

async function prepare(url: string, close: () => Promise<void>): Promise<PostgresWorld> {
  const { signal } = new AbortController()
  const settings = settingsFromUrl(url)
  const login = await preparePostgres({ adminUrl: url, templates: [TEMPLATE], signal })
  return {
    url,
    root: connectPostgres(settings),
    admin: connectPostgres({ ...settings, ...login }),
    template: TEMPLATE,
    tenant: (user, password) => connectPostgres({ ...settings, user, password }),
    close,
  }
}

/** A name nobody else in the run has. */
export function freshName(prefix = 't'): string {
  return `${prefix}${randomBytes(5).toString('hex')}`
}
