/** A tenant's database and role, gone for good. Each step may have been done before. */
import { databaseExists, roleExists } from './catalogue.ts'
import type { Admin } from './connect.ts'
import { withTenantLock } from './lock.ts'
import { identifier } from './names.ts'
import { isOwnOrNobodys } from './origin.ts'
import { allowMaintenance, ensureMembership } from './roles.ts'
import { dropWithSessions, emptyDatabase, endSessions } from './sessions.ts'

const STATEMENT_MS = 120_000

/** False, and nothing is touched: the database is that of a later instance of this name. */
export async function dropDatabase(options: {
  readonly admin: Admin
  readonly database: string
  readonly role: string
  /** UID of the namespace of the instance that goes. */
  readonly uid: string
  readonly signal: AbortSignal
}): Promise<boolean> {
  const { admin, database, role, uid, signal } = options
  return admin.session({ timeoutMs: STATEMENT_MS, signal }, (session) =>
    withTenantLock(session, role, async () => {
      if (!(await isOwnOrNobodys(session, database, role, uid))) return false
      const hasRole = await roleExists(session, role)
      if (hasRole) {
        await ensureMembership(session, role)
        await session.query(`ALTER ROLE ${identifier(role)} NOLOGIN`)
        await endSessions(session, role)
      }
      if (await databaseExists(session, database)) {
        await session.query(`ALTER DATABASE ${identifier(database)} WITH ALLOW_CONNECTIONS false`)
        await emptyDatabase(session, database)
        await dropWithSessions(session, database)
      }
      if (hasRole) {
        // A role with a grant left somewhere cannot be dropped.
        await allowMaintenance(session, role, false)
        await session.query(`DROP ROLE ${identifier(role)}`)
      }
      return true
    }),
  )
}
