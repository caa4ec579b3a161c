// A PostgreSQL with a template of about the size that a real Odoo's has, and what a clone of it takes. Like the control
// plane it does not wait for the disk: then the figures are of the work, and not of the disk of this machine.
import { preparePostgres, type PlatformLogin } from '#local/postgres/prepare.ts'
import { startPostgres } from '#local/postgres/start.ts'
import { standInTables } from '#local/postgres/stand-in-tables.ts'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import { connectPostgres, settingsFromUrl, type Admin } from '#shared/postgres/connect.ts'
import { identifier } from '#shared/postgres/names.ts'
import { scramVerifier } from '#shared/postgres/scram.ts'
import type { BuildAccess } from '#shared/postgres/template.ts'
import type { Kit } from '../figure.ts'
import { silent } from './cluster.ts'

/** With the stand-in's own about as many tables and bytes as `base,web,bus,mail` make. */
const TABLES = 200
const ROWS = 200
const TEMPLATE = 'template_odoo_19'
const PASSWORD = 'a-long-random-password-of-a-bench'

export interface Database {
  readonly host: string
  readonly port: number
  readonly login: PlatformLogin
  readonly templateBytes: number
  /** Milliseconds of a whole clone, as provisioning makes it. */
  clone(name: string): Promise<number>
  /** Milliseconds of nothing but `CREATE DATABASE … TEMPLATE`. */
  bare(name: string): Promise<number>
  stop(): Promise<void>
}

export async function startDatabase(kit: Kit): Promise<Database> {
  const { signal } = kit
  const running = await startPostgres({ dataDir: `${kit.dir}/postgres`, durable: false, signal, log: silent })
  const { adminUrl, host, port } = running
  const login = await preparePostgres({ adminUrl, templates: [TEMPLATE], build: furnish, signal })
  const admin = connectPostgres({ ...settingsFromUrl(adminUrl), ...login })
  const uid = 'bench'
  return {
    host,
    port,
    login,
    templateBytes: await sizeOf(admin, signal),
    async clone(name) {
      const verifier = await scramVerifier(name, PASSWORD)
      const parameters = { 'web.base.url': `https://${name}.example.org` }
      const identity = { adminLogin: 'admin', adminPassword: PASSWORD, parameters }
      const options = { admin, database: name, role: name, template: TEMPLATE, uid, verifier, identity, signal }
      return timed(() => cloneDatabase({ ...options, connectionLimit: 20, pooler: true }))
    },
    bare: (name) =>
      admin.session({ timeoutMs: 60_000, signal }, (session) =>
        timed(() =>
          session.query(`CREATE DATABASE ${identifier(name)} TEMPLATE ${identifier(TEMPLATE)} STRATEGY wal_log`),
        ),
      ),
    stop: () => running.stop(),
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

async function sizeOf(admin: Admin, signal: AbortSignal): Promise<number> {
  const [found] = await admin.session({ signal }, (session) =>
    session.query<{ bytes: string }>('SELECT pg_database_size($1) AS bytes', [TEMPLATE]),
  )
  return Number(found?.bytes)
}

/** The stand-in's own few tables, and many that only have to be copied: with a key, an index and some rows each. */
async function furnish(access: BuildAccess, signal: AbortSignal): Promise<void> {
  await standInTables(access, signal)
  const { database, ...settings } = access
  const builder = connectPostgres({ ...settings, sslmode: 'disable' })
  await builder.session({ database, timeoutMs: 120_000, signal }, (session) =>
    session.query(
      `DO $$ BEGIN FOR i IN 1..${TABLES} LOOP
         EXECUTE format('CREATE TABLE public.bench_%s (id serial PRIMARY KEY, name text, note text, at timestamp)', i);
         EXECUTE format('CREATE INDEX ON public.bench_%s (name)', i);
         EXECUTE format('INSERT INTO public.bench_%s (name, note) SELECT md5(n::text), repeat(md5(n::text), 8)
                         FROM generate_series(1, ${ROWS}) n', i);
       END LOOP; END $$`,
    ),
  )
}
