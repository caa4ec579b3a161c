/**
 * Making a template that can be cloned at any moment (shared/facts/odoo.md §1.13): built under another name, handed to an
 * owner who cannot log in, closed to everybody, and only then given its name. A half-made template is never seen as one.
 */
import { randomBytes } from 'node:crypto'
import { databaseExists, roleExists } from './catalogue.ts'
import type { Admin, Session } from './connect.ts'
import { PostgresError } from './errors.ts'
import { inTransaction, withLock } from './lock.ts'
import { identifier, literal } from './names.ts'
import { allowMaintenance, ensureMembership, TEMPLATE_OWNER } from './roles.ts'
import { scramVerifier } from './scram.ts'
import { endSessions } from './sessions.ts'

/** A login that lives as long as the building does. */
export interface BuildAccess {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

export interface TemplateOptions {
  readonly admin: Admin
  readonly template: string
  /** Puts the tables in: Odoo itself with `-i base`, or the stand-in's few statements. */
  readonly build: (access: BuildAccess, signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
}

/** Odoo uses them when they are there: search in texts, and search without accents. */
const EXTENSIONS = ['pg_trgm', 'unaccent']
const STATEMENT_MS = 300_000

/** Returns whether it was made now. An existing template is left as it is. */
export async function createTemplate(options: TemplateOptions): Promise<boolean> {
  const { admin, template, signal } = options
  const next = `${template}_next`
  const builder = `${template}_build`
  return admin.session({ timeoutMs: STATEMENT_MS, signal }, (session) =>
    withLock(session, `template ${template}`, async () => {
      if (await databaseExists(session, template)) return false
      await ensureTemplateOwner(session)
      const password = await prepare(session, next, builder)
      await inside(admin, next, signal, (there) => furnish(there, builder))
      const { host, port } = admin.settings
      await options.build({ host, port, user: builder, password, database: next }, signal)
      await session.query(`ALTER ROLE ${identifier(builder)} NOLOGIN`)
      await endSessions(session, builder)
      await inside(admin, next, signal, (there) => hand(there, builder))
      await freeze(session, next, template)
      await allowMaintenance(session, builder, false)
      await session.query(`DROP ROLE ${identifier(builder)}`)
      return true
    }),
  )
}

async function ensureTemplateOwner(session: Session): Promise<void> {
  await withLock(session, 'template owner', async () => {
    if (!(await roleExists(session, TEMPLATE_OWNER))) {
      await session.query(`CREATE ROLE ${TEMPLATE_OWNER} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE`)
    }
    await ensureMembership(session, TEMPLATE_OWNER)
  })
}

/** An earlier attempt that was cut off has left a database of unknown contents: it goes. */
async function prepare(session: Session, next: string, builder: string): Promise<string> {
  await session.query(`DROP DATABASE IF EXISTS ${identifier(next)} WITH (FORCE)`)
  if (await roleExists(session, builder)) {
    await ensureMembership(session, builder)
    await allowMaintenance(session, builder, false)
    await session.query(`DROP ROLE ${identifier(builder)}`)
  }
  const password = randomBytes(24).toString('base64url')
  const verifier = literal(await scramVerifier(builder, password))
  await session.query(
    `CREATE ROLE ${identifier(builder)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${verifier}`,
  )
  await ensureMembership(session, builder)
  await allowMaintenance(session, builder, true)
  // As Odoo makes its own: sorted by code point, the same on every machine.
  await session.query(`CREATE DATABASE ${identifier(next)} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'`)
  await session.query(`REVOKE ALL ON DATABASE ${identifier(next)} FROM PUBLIC`)
  await session.query(`GRANT CONNECT, TEMPORARY, CREATE ON DATABASE ${identifier(next)} TO ${identifier(builder)}`)
  return password
}

async function furnish(there: Session, builder: string): Promise<void> {
  const available = await there.query<{ name: string }>(
    'SELECT name FROM pg_available_extensions WHERE name = ANY ($1)',
    [EXTENSIONS],
  )
  for (const { name } of available) {
    await there.query(`CREATE EXTENSION IF NOT EXISTS ${identifier(name)} SCHEMA public`)
  }
  await there.query(`ALTER SCHEMA public OWNER TO ${identifier(builder)}`)
}

async function hand(there: Session, builder: string): Promise<void> {
  await inTransaction(there, async () => {
    await there.query(`REASSIGN OWNED BY ${identifier(builder)} TO ${TEMPLATE_OWNER}`)
    await there.query(`DROP OWNED BY ${identifier(builder)}`)
    await there.query('REVOKE ALL ON SCHEMA public FROM PUBLIC')
    const [stray] = await there.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND pg_get_userbyid(c.relowner) <> $1
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1`,
      [TEMPLATE_OWNER],
    )
    if (stray)
      throw new PostgresError(`"${stray.name}" in the template belongs to another role than "${TEMPLATE_OWNER}"`)
  })
}

/** Without connections nobody can be in the way of a clone; as a template it cannot be dropped by mistake. */
async function freeze(session: Session, next: string, template: string): Promise<void> {
  await session.query(`ALTER DATABASE ${identifier(next)} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
  await session.query(`ALTER DATABASE ${identifier(next)} RENAME TO ${identifier(template)}`)
}

async function inside(
  admin: Admin,
  database: string,
  signal: AbortSignal,
  run: (there: Session) => Promise<void>,
): Promise<void> {
  await admin.session({ database, timeoutMs: STATEMENT_MS, signal }, run)
}
