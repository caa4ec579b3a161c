/**
 * A tenant's database, cloned from a template (facts: shared/facts/odoo.md §1.13). Every step looks before it acts, so that
 * a run that was cut off anywhere is finished by the next. The tenant's CONNECT is granted last: a database without it is
 * not done, and nobody but the platform has ever been inside.
 */
import type { Admin, Session } from './connect.ts'
import { NotOurs, PostgresError, PostgresUnavailable, TemplateMissing } from './errors.ts'
import { type Identity, takeIdentity } from './identity.ts'
import { inTransaction, withTenantLock } from './lock.ts'
import { identifier, literal } from './names.ts'
import { databaseLimit, limitDatabase } from './limits.ts'
import { allowMaintenance, ensureTenantRole, mayConnect, TEMPLATE_OWNER, type TenantRole } from './roles.ts'

export interface CloneOptions extends TenantRole {
  readonly admin: Admin
  readonly database: string
  readonly template: string
  readonly identity: Identity
  /** True: each pod has a pooler that stands in for the database `postgres`, which the role then never enters. */
  readonly pooler: boolean
  readonly signal: AbortSignal
}

/** Copying a large template on a busy disk takes a while. */
const STATEMENT_MS = 120_000
/** Returns whether there was anything left to clone. */
export async function cloneDatabase(options: CloneOptions): Promise<boolean> {
  const { admin, database, role, pooler, signal } = options
  // Refused before anything is written.
  for (const name of [database, role, options.template]) identifier(name)
  return admin.session({ timeoutMs: STATEMENT_MS, signal }, (session) =>
    withTenantLock(session, role, async () => {
      const done = await mayConnect(session, database, role)
      if (!done) await requireTemplate(session, options)
      await ensureTenantRole(session, options)
      if (!done) await makeDatabase(session, options)
      else await limitDatabase(session, database, options.connectionLimit)
      await allowMaintenance(session, role, !pooler)
      if (!done) await commit(session, options)
      return !done
    }),
  )
}

export async function templateExists(admin: Admin, template: string, signal: AbortSignal): Promise<boolean> {
  const found = await admin.session({ signal }, (session) => look(session, template))
  return found !== undefined
}

interface Found {
  readonly owner: string
  readonly opened: boolean
  /** An interrupted DROP DATABASE leaves one that can only be dropped. */
  readonly broken: boolean
  readonly isTemplate: boolean
  /** Somebody else than its owner was let in, now or before the database or the role was renamed. */
  readonly used: boolean
  readonly comment: string | null
}

async function look(session: Session, database: string): Promise<Found | undefined> {
  const [found] = await session.query<{
    owner: string
    opened: boolean
    broken: boolean
    isTemplate: boolean
    used: boolean
    comment: string | null
  }>(
    `SELECT pg_get_userbyid(datdba) AS owner, datallowconn AS opened, datconnlimit = -2 AS broken,
            datistemplate AS "isTemplate",
            EXISTS (SELECT FROM aclexplode(datacl) a WHERE a.grantee NOT IN (0, datdba)) AS used,
            shobj_description(oid, 'pg_database') AS comment
     FROM pg_database WHERE datname = $1`,
    [database],
  )
  return found
}

async function requireTemplate(session: Session, { template }: CloneOptions): Promise<void> {
  const found = await look(session, template)
  if (!found) throw new TemplateMissing(template)
  // Somebody may be connected to it or changing it: it is being made, or mended.
  if (!found.isTemplate || found.opened) throw new PostgresUnavailable(`template "${template}" is not frozen yet`)
}

async function makeDatabase(session: Session, options: CloneOptions): Promise<void> {
  const { database, template, connectionLimit } = options
  const quoted = identifier(database)
  const origin = `cloned from ${template}`
  let found = await look(session, database)
  if (found && (found.owner !== session.user || found.used)) {
    const whose = found.used ? 'was in use by another tenant' : `belongs to "${found.owner}"`
    throw new NotOurs(`database "${database}" ${whose}: provisioning does not touch it`)
  }
  // Unfinished and from another template, or from we do not know which: nobody was inside, so nothing is lost.
  if (found && (found.broken || found.comment !== origin)) {
    await session.query(`DROP DATABASE ${quoted} WITH (FORCE)`)
    found = undefined
  }
  if (!found) {
    // A clone does not inherit who may connect: PUBLIC would. So it is born closed. WAL_LOG: no checkpoint per clone.
    await session.query(
      `CREATE DATABASE ${quoted} TEMPLATE ${identifier(template)} STRATEGY wal_log
       ALLOW_CONNECTIONS false CONNECTION LIMIT ${databaseLimit(connectionLimit)}`,
    )
    await session.query(`COMMENT ON DATABASE ${quoted} IS ${literal(origin)}`)
  }
  if (found?.opened) return
  await session.query(`REVOKE ALL ON DATABASE ${quoted} FROM PUBLIC`)
  await session.query(`ALTER DATABASE ${quoted} WITH ALLOW_CONNECTIONS true`)
}

async function commit(session: Session, options: CloneOptions): Promise<void> {
  const { admin, database, role, signal } = options
  await admin.session({ database, timeoutMs: STATEMENT_MS, signal }, (inside) =>
    // Once more in here: were the outer connection lost, its lock would be free while this one still works.
    withTenantLock(inside, role, () => inTransaction(inside, () => handOver(inside, options))),
  )
  await session.query(`GRANT CONNECT, TEMPORARY, CREATE ON DATABASE ${identifier(database)} TO ${identifier(role)}`)
}

/** The clone's tables still belong to the template's owner, and its identity is the template's. */
async function handOver(inside: Session, { role, identity, database }: CloneOptions): Promise<void> {
  const owned = await inside.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = $1',
    [TEMPLATE_OWNER],
  )
  if (owned.length > 0) {
    const names = owned.map(({ datname }) => datname).join(', ')
    throw new PostgresError(`"${TEMPLATE_OWNER}" must own no database, every clone would take it along: ${names}`)
  }
  const tenant = identifier(role)
  await inside.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${tenant}`)
  await inside.query('REVOKE ALL ON SCHEMA public FROM PUBLIC')
  await inside.query(`REASSIGN OWNED BY ${identifier(TEMPLATE_OWNER)} TO ${tenant}`)
  await takeIdentity(inside, database, identity)
}
