/** Who is connected as a tenant, and at what. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from './connect.ts'
import { PostgresError, PostgresUnavailable } from './errors.ts'
import { identifier } from './names.ts'

export interface ActiveSession {
  readonly pid: number
  readonly database: string
  /** What the client calls itself. */
  readonly application: string
  /** `starting`, `active`, or one of the two kinds of `idle in transaction`. */
  readonly state: string
  readonly sinceSeconds: number
}

/**
 * Sessions of the role that are in the middle of something. Odoo keeps idle ones open (its pool) and idle ones that LISTEN:
 * both are no sign of work.
 */
export async function activeSessions(session: Session, role: string): Promise<readonly ActiveSession[]> {
  const rows = await session.query<Omit<ActiveSession, 'state' | 'sinceSeconds'> & Hidden>(
    `SELECT pid, datname AS database, application_name AS application,
            coalesce(state, CASE WHEN pg_has_role(usename, 'USAGE') OR pg_has_role('pg_read_all_stats', 'USAGE')
                                 THEN 'starting' END) AS state,
            extract(epoch FROM now() - state_change)::float8 AS "sinceSeconds"
     FROM pg_stat_activity
     WHERE usename = $1 AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend'
       AND state IS DISTINCT FROM 'idle'
     ORDER BY state_change`,
    [role],
  )
  return rows.map(({ state, sinceSeconds, ...rest }) => {
    // PostgreSQL hides what others do from those who are no member of their role. Hidden is not the same as idle, nor as one that
    // has just come and has no state yet.
    if (state === null) throw new PostgresError(`"${session.user}" may not see what "${role}" does`)
    return { ...rest, state, sinceSeconds: Math.max(0, sinceSeconds ?? 0) }
  })
}

interface Hidden {
  readonly state: string | null
  readonly sinceSeconds: number | null
}

const TERMINATE_EVERY_MS = 50
const TERMINATE_MS = 10_000

/** Ends every session of the role and returns when they are gone. Whoever may still log in comes back: take LOGIN first. */
export async function endSessions(session: Session, role: string): Promise<void> {
  await end(session, 'usename', role)
}

/** The same for everybody in a database, whatever their role. */
export async function emptyDatabase(session: Session, database: string): Promise<void> {
  await end(session, 'datname', database)
}

async function end(session: Session, column: 'usename' | 'datname', value: string): Promise<void> {
  const deadline = performance.now() + TERMINATE_MS
  for (;;) {
    // Of a stranger PostgreSQL shows no more than that it is there. It is not ours to end and may leave by itself; autovacuum, which
    // has no role, always does.
    const left = await session.query<{ role: string; ended: boolean | null }>(
      `SELECT usename AS role, CASE WHEN backend_type IS NOT NULL THEN pg_terminate_backend(pid) END AS ended
       FROM pg_stat_activity
       WHERE ${column} = $1 AND pid <> pg_backend_pid()
         AND coalesce(backend_type, CASE WHEN usename IS NOT NULL THEN 'client backend' END) = 'client backend'`,
      [value],
    )
    if (left.length === 0) return
    if (performance.now() > deadline) {
      const who = new Set(left.map(({ role, ended }) => `"${role}"${ended === null ? ', not ours to end' : ''}`))
      const within = `${TERMINATE_MS / 1000} s`
      throw new PostgresUnavailable(`sessions of "${value}" did not end within ${within}: ${[...who].join('; ')}`)
    }
    await sleep(TERMINATE_EVERY_MS)
  }
}

/**
 * Drops a database whoever is in it, or throws `PostgresUnavailable` when somebody stays. FORCE alone fails with 42501
 * while autovacuum is inside, whose role nobody is a member of; without FORCE PostgreSQL ends autovacuum by itself and
 * waits some seconds for everybody else.
 */
export async function dropWithSessions(session: Session, database: string): Promise<void> {
  const drop = `DROP DATABASE IF EXISTS ${identifier(database)}`
  try {
    await session.query(`${drop} WITH (FORCE)`)
  } catch (error) {
    if (!(error instanceof PostgresError && error.sqlstate === '42501')) throw error
    await session.query(drop)
  }
}
