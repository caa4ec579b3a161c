/**
 * A database that outlives its instance (keepDatabase): frozen, under another name, with its role beside it, so that a new
 * instance may have the old name. Renaming both back and allowing connections is the whole way back.
 */
import { createHash } from 'node:crypto'
import { databaseExists, roleExists } from './catalogue.ts'
import type { Admin, Session } from './connect.ts'
import { withTenantLock } from './lock.ts'
import { identifier } from './names.ts'
import { isOwnOrNobodys } from './origin.ts'
import { allowMaintenance, ensureMembership } from './roles.ts'
import { emptyDatabase, endSessions } from './sessions.ts'

export interface KeepOptions {
  readonly admin: Admin
  readonly database: string
  readonly role: string
  /** What tells this instance from later ones of its name: the UID of its namespace. */
  readonly uid: string
  readonly signal: AbortSignal
}

/** Returns the name of the kept database, or undefined when this instance has none, neither under the old name nor the new. */
export async function keepDatabase(options: KeepOptions): Promise<string | undefined> {
  const { admin, database, role, uid, signal } = options
  const kept = keptName(database, uid)
  return admin.session({ signal }, (session) =>
    withTenantLock(session, role, async () => {
      const mine = await isOwnOrNobodys(session, database, role, uid)
      if (mine && (await roleExists(session, role))) await freezeRole(session, role, keptName(role, uid))
      if (!mine || !(await databaseExists(session, database))) {
        return (await databaseExists(session, kept)) ? kept : undefined
      }
      await session.query(`ALTER DATABASE ${identifier(database)} WITH ALLOW_CONNECTIONS false`)
      await emptyDatabase(session, database)
      await session.query(`ALTER DATABASE ${identifier(database)} RENAME TO ${identifier(kept)}`)
      return kept
    }),
  )
}

/** Whether this instance has a kept one. */
export async function isKept(session: Session, database: string, uid: string): Promise<boolean> {
  return databaseExists(session, keptName(database, uid))
}

/** At most 63 bytes, whatever the length of the old name. */
export function keptName(name: string, uid: string): string {
  const hash = createHash('sha256').update(`${name} ${uid}`).digest('hex').slice(0, 12)
  return `kept_${name.slice(0, 45)}_${hash}`
}

async function freezeRole(session: Session, role: string, kept: string): Promise<void> {
  await ensureMembership(session, role)
  await session.query(`ALTER ROLE ${identifier(role)} NOLOGIN PASSWORD NULL`)
  await endSessions(session, role)
  await allowMaintenance(session, role, false)
  await session.query(`ALTER ROLE ${identifier(role)} RENAME TO ${identifier(kept)}`)
}
