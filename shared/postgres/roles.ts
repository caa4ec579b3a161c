/** Roles of tenants and templates, and what the platform's own role must be to work on their behalf. */
import { roleExists } from './catalogue.ts'
import { MAINTENANCE, type Session } from './connect.ts'
import { PostgresError } from './errors.ts'
import { withLock } from './lock.ts'
import { identifier, literal } from './names.ts'

/** Owner of everything inside a template, and of no database: REASSIGN OWNED would move databases too. */
export const TEMPLATE_OWNER = 'odoo_tpl'

export interface TenantRole {
  readonly role: string
  /** Of the password; see scram.ts. */
  readonly verifier: string
  readonly connectionLimit: number
}

/**
 * Creates the role or makes it what it should be. LOGIN is given at creation only: a suspended tenant's role has lost it,
 * and a late event must not give it back.
 */
export async function ensureTenantRole(session: Session, tenant: TenantRole): Promise<void> {
  const { role, verifier, connectionLimit } = tenant
  const settings = `CONNECTION LIMIT ${Math.trunc(connectionLimit)} PASSWORD ${literal(verifier)}`
  if (await roleExists(session, role)) await session.query(`ALTER ROLE ${identifier(role)} ${settings}`)
  else {
    await session.query(
      `CREATE ROLE ${identifier(role)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS ${settings}`,
    )
  }
  await ensureMembership(session, role)
}

/**
 * Lets the platform act as the role: needed to reassign objects to it and to end its sessions. Since PostgreSQL 16 whoever
 * creates a role may administer it but is no member with rights unless `createrole_self_grant` says so; it can grant
 * that to itself. Up to 15 a member has everything.
 */
export async function ensureMembership(session: Session, role: string): Promise<void> {
  const [member] = await session.query<{ inherits: boolean; sets: boolean }>(
    `SELECT pg_has_role(current_user, $1, 'USAGE') AS inherits,
            pg_has_role(current_user, $1, '${session.major >= 16 ? 'SET' : 'MEMBER'}') AS sets`,
    [role],
  )
  if (member?.inherits && member.sets) return
  const options = session.major >= 16 ? ' WITH INHERIT TRUE, SET TRUE' : ''
  await session.query(`GRANT ${identifier(role)} TO ${identifier(session.user)}${options}`)
}

/**
 * Odoo itself connects to the database `postgres`. Where no pooler of the tenant's own stands in for it, the role may
 * connect there, and nothing else. Grants on one database are made one at a time: PostgreSQL refuses concurrent ones.
 */
export async function allowMaintenance(session: Session, role: string, allowed: boolean): Promise<void> {
  if ((await mayConnect(session, MAINTENANCE, role)) === allowed) return
  const change = allowed
    ? `GRANT CONNECT ON DATABASE ${MAINTENANCE} TO ${identifier(role)}`
    : `REVOKE ALL ON DATABASE ${MAINTENANCE} FROM ${identifier(role)}`
  await withLock(session, `grants on ${MAINTENANCE}`, () => session.query(change))
  if ((await mayConnect(session, MAINTENANCE, role)) === allowed) return
  // PostgreSQL answers a grant without the right to grant with a mere warning.
  throw new PostgresError(
    `"${session.user}" cannot change who connects to "${MAINTENANCE}": it needs CONNECT there WITH GRANT OPTION`,
    { sqlstate: '42501' },
  )
}

/** Whether the role itself was given CONNECT; what everybody (PUBLIC) has does not count. */
export async function mayConnect(session: Session, database: string, role: string): Promise<boolean> {
  const [found] = await session.query<{ granted: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_database d, aclexplode(d.datacl) a, pg_roles r
       WHERE d.datname = $1 AND r.rolname = $2 AND a.grantee = r.oid AND a.privilege_type = 'CONNECT'
     ) AS granted`,
    [database, role],
  )
  return found?.granted ?? false
}
