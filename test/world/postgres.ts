/** The PostgreSQL of this test run, prepared as a platform's: its admin is no superuser, as in a cluster. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { PostgresStartError } from '#local/postgres/errors.ts'
import { preparePostgres } from '#local/postgres/prepare.ts'
import { startPostgres } from '#local/postgres/start.ts'
import { type Admin, connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'

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

/** A server for one test file: to be stopped in between, or of another major version. Undefined: not on this machine. */
export async function ownPostgres(major?: number): Promise<OwnPostgres | undefined> {
  const dataDir = await mkdtemp(join(tmpdir(), 'platxa-postgres-'))
  const start = (port?: number) =>
    startPostgres({
      dataDir,
      durable: false,
      signal: new AbortController().signal,
      log: silentLog,
      ...(major !== undefined && { major }),
      ...(port !== undefined && { port }),
    })
  try {
    let running = await start()
    const world = await prepare(running.adminUrl, async () => {
      await running.stop()
      await rm(dataDir, { recursive: true, force: true })
    })
    const restart = async (): Promise<void> => {
      running = await start(running.port)
    }
    return { ...world, restart, stop: () => running.stop() }
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true })
    if (error instanceof PostgresStartError && error.message.startsWith('no PostgreSQL')) return undefined
    throw error
  }
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
