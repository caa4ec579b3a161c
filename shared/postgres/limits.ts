/** How many connections a tenant may have: on its role, and a few more on its database. */
import type { Admin, Session } from './connect.ts'
import { withTenantLock } from './lock.ts'
import { identifier } from './names.ts'

/** The platform itself must still get in when the tenant has used up its own connections. */
const HEADROOM = 5

export function databaseLimit(connectionLimit: number): number {
  return Math.trunc(connectionLimit) + HEADROOM
}

/** For a change of tier. Sessions beyond a lower limit stay; only new ones are refused. */
export async function setConnectionLimit(options: {
  readonly admin: Admin
  readonly database: string
  readonly role: string
  readonly connectionLimit: number
  readonly signal: AbortSignal
}): Promise<void> {
  const { admin, database, role, connectionLimit, signal } = options
  await admin.session({ signal }, (session) =>
    withTenantLock(session, role, async () => {
      const [found] = await session.query<{ same: boolean }>(
        'SELECT rolconnlimit = $2 AS same FROM pg_roles WHERE rolname = $1',
        [role, Math.trunc(connectionLimit)],
      )
      if (!found?.same) {
        await session.query(`ALTER ROLE ${identifier(role)} CONNECTION LIMIT ${Math.trunc(connectionLimit)}`)
      }
      await limitDatabase(session, database, connectionLimit)
    }),
  )
}

export async function limitDatabase(session: Session, database: string, connectionLimit: number): Promise<void> {
  const wanted = databaseLimit(connectionLimit)
  const [found] = await session.query<{ same: boolean }>(
    'SELECT datconnlimit = $2 AS same FROM pg_database WHERE datname = $1',
    [database, wanted],
  )
  if (!found?.same) await session.query(`ALTER DATABASE ${identifier(database)} CONNECTION LIMIT ${wanted}`)
}
