/** Locks a tenant out of its database, and lets it in again. */
import type { Admin, Session } from './connect.ts'
import { withTenantLock } from './lock.ts'
import { identifier } from './names.ts'
import { ensureMembership } from './roles.ts'
import { endSessions } from './sessions.ts'

interface Options {
  readonly admin: Admin
  readonly role: string
  readonly signal: AbortSignal
}

/** NOLOGIN alone would leave the sessions that are open. False: there is no such role. */
export async function suspendRole({ admin, role, signal }: Options): Promise<boolean> {
  return change(admin, role, signal, false, (session) => endSessions(session, role))
}

export async function resumeRole({ admin, role, signal }: Options): Promise<boolean> {
  return change(admin, role, signal, true, async () => {})
}

async function change(
  admin: Admin,
  role: string,
  signal: AbortSignal,
  login: boolean,
  then: (session: Session) => Promise<void>,
): Promise<boolean> {
  return admin.session({ signal }, (session) =>
    withTenantLock(session, role, async () => {
      const [found] = await session.query<{ login: boolean }>(
        'SELECT rolcanlogin AS login FROM pg_roles WHERE rolname = $1',
        [role],
      )
      if (!found) return false
      await ensureMembership(session, role)
      if (found.login !== login) await session.query(`ALTER ROLE ${identifier(role)} ${login ? 'LOGIN' : 'NOLOGIN'}`)
      await then(session)
      return true
    }),
  )
}
