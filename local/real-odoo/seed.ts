// A PostgreSQL cluster with the template in it, made once and kept: a new local world begins with a copy, because the
// template is minutes of work and the same every time.
import { createHash, randomBytes } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { cacheFolder, fillOnce } from '#local/control-plane/cache.ts'
import { findBinaries } from '#local/postgres/binaries.ts'
import { copyData } from '#local/postgres/initialise.ts'
import { COPIES } from '#local/postgres/place.ts'
import { startPostgres } from '#local/postgres/start.ts'
import { serverUser } from '#local/postgres/user.ts'
import { connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import { preparePlatform } from '#shared/postgres/platform.ts'
import type { Log } from '#shared/server/log.ts'
import type { RealOdoo } from './obtain.ts'
import { fillTemplate, type Template } from './template.ts'

export interface Seed {
  /** A data directory of PostgreSQL. */
  readonly data: string
  /** Of its superuser. */
  readonly password: string
}

export interface SeedOptions extends Omit<Template, 'odoo'> {
  readonly odoo: RealOdoo & { readonly from: 'root' }
  readonly log: Log
  readonly signal: AbortSignal
}

/** Everything that decides what is in it. */
const SOURCES = ['postgres/template.ts', 'postgres/platform.ts', 'postgres/roles.ts', 'template/files.ts']

export async function obtainSeed(options: SeedOptions): Promise<Seed> {
  const { odoo, version, modules, signal } = options
  const { version: postgres } = await findBinaries({ user: await serverUser(), copies: COPIES, signal })
  const hash = createHash('sha256').update([postgres, basename(odoo.root), version, ...modules].join(' '))
  for (const path of SOURCES) hash.update(await readFile(new URL(`../../shared/${path}`, import.meta.url)))
  const folder = cacheFolder(hash.digest('hex').slice(0, 16), process.env, 'odoo-template')
  const read = (): Promise<string> => readFile(join(folder, 'password'), 'utf8')
  const kept = (): Promise<boolean> =>
    read().then(
      () => true,
      () => false,
    )
  if (!(await kept())) await fillOnce(folder, kept, (temporary) => fill(temporary, options), options.tell, signal)
  return { data: join(folder, 'data'), password: await read() }
}

async function fill(folder: string, { log, signal, ...template }: SeedOptions): Promise<void> {
  const dataDir = join(folder, 'server')
  const server = await startPostgres({ dataDir, durable: false, signal, log })
  try {
    const settings = settingsFromUrl(server.adminUrl)
    const user = 'platxa'
    const password = randomBytes(24).toString('base64url')
    await preparePlatform({ root: connectPostgres(settings), user, password, signal })
    await fillTemplate({ ...template, admin: connectPostgres({ ...settings, user, password }), signal })
    await server.stop()
    await copyData(server.data, join(folder, 'data'), signal)
    await writeFile(join(folder, 'password'), settings.password, { mode: 0o600 })
  } finally {
    await server.stop()
    await rm(server.data, { recursive: true, force: true })
    await rm(dataDir, { recursive: true, force: true })
  }
}
