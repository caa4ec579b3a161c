/**
 * A tenant's database, cloned from a template (facts: shared/facts/odoo.md §1.13). Every step looks before it acts, so that
 * a run that was cut off anywhere is finished by the next. The tenant's CONNECT is granted last: a database without it is
 * not done, and nobody but the platform has ever been inside.
 */
import { createHash } from 'node:crypto'
import type { Admin, Session } from './connect.ts'
import { NotOurs, PostgresError, PostgresUnavailable, TemplateMissing } from './errors.ts'
import { type Identity, takeIdentity } from './identity.ts'
import { inTransaction, withLock, withTenantLock } from './lock.ts'
import { identifier } from './names.ts'
import { lookForClone, readOrigin, writeOrigin } from './origin.ts'
import { databaseLimit, limitDatabase } from './limits.ts'
import { allowMaintenance, ensureTenantRole, TEMPLATE_OWNER, type TenantRole } from './roles.ts'
import { dropWithSessions } from './sessions.ts'
import { lookAt, obstacleTo } from './survey.ts'

export interface CloneOptions extends TenantRole {
  readonly admin: Admin
  readonly database: string
  readonly template: string
  /** UID of the instance's namespace. */
  readonly uid: string
  readonly identity: Identity
  /** True: each pod has a pooler that stands in for the database `postgres`, which the role then never enters. */
  readonly pooler: boolean
  readonly signal: AbortSignal
}

/** Copying a large template on a busy disk takes a while. */
const STATEMENT_MS = 120_000

/**
 * One at a time on a server: a hand-over locks each table and index of its clone, and all sessions share one table of
 * locks (`max_locks_per_transaction`), which a few Odoo databases at once use up: 53200, out of shared memory.
 */
const HAND_OVER = 'hand-over of a clone'

/** So many at a time on a server: more of them only compete for its cores and its memory. */
const COPIES_AT_ONCE = 4

/** Returns whether there was anything left to clone. */
export async function cloneDatabase(options: CloneOptions): Promise<boolean> {
  const { admin, database, role, pooler, signal } = options
  // Refused before anything is written.
  for (const name of [database, role, options.template]) identifier(name)
  return admin.session({ timeoutMs: STATEMENT_MS, signal }, (session) =>
    withTenantLock(session, role, async () => {
      const clone = await lookForClone(session, database, role)
      const done = clone !== undefined
      if (done && clone.origin?.uid !== options.uid) {
        throw new NotOurs(`database "${database}" is that of an earlier instance of this name`)
      }
      const obstacle = await obstacleTo(session, database, role)
      if (obstacle !== undefined) throw new NotOurs(`${obstacle}: it was not made by provisioning`)
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

async function requireTemplate(session: Session, { template }: CloneOptions): Promise<void> {
  const found = await lookAt(session, template)
  if (!found) throw new TemplateMissing(template)
  // Somebody may be connected to it or changing it: it is being made, or mended.
  if (!found.isTemplate || found.opened) throw new PostgresUnavailable(`template "${template}" is not frozen yet`)
}

async function makeDatabase(session: Session, options: CloneOptions): Promise<void> {
  const { database, template, uid, connectionLimit } = options
  const quoted = identifier(database)
  let found = await lookAt(session, database)
  // Unfinished and from another template or for another instance: nobody was inside, so nothing is lost.
  const origin = readOrigin(found?.comment ?? null)
  if (found && (found.broken || origin?.template !== template || origin.uid !== uid)) {
    await dropWithSessions(session, database)
    found = undefined
  }
  if (!found) {
    // A clone does not inherit who may connect: PUBLIC would. So it is born closed. WAL_LOG: no checkpoint per clone.
    await withLock(session, placeFor(database), () =>
      session.query(
        `CREATE DATABASE ${quoted} TEMPLATE ${identifier(template)} STRATEGY wal_log
         ALLOW_CONNECTIONS false CONNECTION LIMIT ${databaseLimit(connectionLimit)}`,
      ),
    )
    await writeOrigin(session, database, { template, uid })
  }
  if (found?.opened) return
  await session.query(`REVOKE ALL ON DATABASE ${quoted} FROM PUBLIC`)
  await session.query(`ALTER DATABASE ${quoted} WITH ALLOW_CONNECTIONS true`)
}

/** Always the same one for a database, so that nobody has to look which is free. */
function placeFor(database: string): string {
  const [first = 0] = createHash('sha256').update(database).digest()
  return `copy ${first % COPIES_AT_ONCE}`
}

async function commit(session: Session, options: CloneOptions): Promise<void> {
  const { admin, database, role, signal } = options
  await withLock(session, HAND_OVER, () =>
    admin.session({ database, timeoutMs: STATEMENT_MS, signal }, (inside) =>
      // Once more in here: were the outer connection lost, its lock would be free while this one still works.
      withTenantLock(inside, role, () => inTransaction(inside, () => handOver(inside, options))),
    ),
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
