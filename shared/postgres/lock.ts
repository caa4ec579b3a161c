/** Locks in the server, held by a session: a lost connection gives its lock back, and nothing has to expire. */
import { createHash } from 'node:crypto'
import type { Admin, Session } from './connect.ts'

/** Everything about one tenant happens one at a time: cloning, limits, suspending, removing. */
export async function withTenantLock<T>(session: Session, role: string, run: () => Promise<T>): Promise<T> {
  return withLock(session, `tenant ${role}`, run)
}

/**
 * Runs alone among all events of one instance, in whatever function or replica. The run's own signal also ends when the
 * lock is lost, because another may have it by then. The session that holds the lock is at hand for whatever is quick.
 */
export async function holdInstance<T>(
  admin: Admin,
  name: string,
  signal: AbortSignal,
  run: (signal: AbortSignal, session: Session) => Promise<T>,
): Promise<T> {
  return admin.session({ signal }, (session) =>
    withLock(session, `instance ${name}`, () => run(AbortSignal.any([signal, session.lost]), session)),
  )
}

/** Runs alone among all who ask for the same name in the same database. Waits as long as one statement of the session may. */
export async function withLock<T>(session: Session, name: string, run: () => Promise<T>): Promise<T> {
  const key = lockKey(name)
  await session.query('SELECT pg_advisory_lock($1)', [key])
  try {
    return await run()
  } finally {
    // The connection may be what failed; then the server has given the lock back already.
    await session.query('SELECT pg_advisory_unlock($1)', [key]).catch(() => {})
  }
}

export async function inTransaction<T>(session: Session, run: () => Promise<T>): Promise<T> {
  await session.query('BEGIN')
  try {
    const result = await run()
    await session.query('COMMIT')
    return result
  } catch (error) {
    await session.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/** A signed 64-bit number, as text because JavaScript's own numbers are too short. */
function lockKey(name: string): string {
  return createHash('sha256').update(`platxa ${name}`).digest().readBigInt64BE(0).toString()
}
