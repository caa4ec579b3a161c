/**
 * What a superuser does once on a fresh server, so that the functions never need one again: the platform's own role, and
 * no way into the shared databases for everybody. Safe to repeat.
 */
import { roleExists } from './catalogue.ts'
import { type Admin, MAINTENANCE, type Session } from './connect.ts'
import { withLock } from './lock.ts'
import { identifier, literal } from './names.ts'
import { scramVerifier } from './scram.ts'

export async function preparePlatform(options: {
  /** Connected as superuser. */
  readonly root: Admin
  readonly user: string
  readonly password: string
  readonly signal: AbortSignal
}): Promise<void> {
  const { root, user, password, signal } = options
  const verifier = literal(await scramVerifier(user, password))
  const quoted = identifier(user)
  await root.session({ signal }, (session) =>
    withLock(session, 'platform', async () => {
      const verb = (await roleExists(session, user)) ? 'ALTER' : 'CREATE'
      await session.query(
        `${verb} ROLE ${quoted} LOGIN NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD ${verifier}`,
      )
      // Everybody may connect to these two by default, and in `postgres` every tenant would hear every other's NOTIFY.
      await withLock(session, `grants on ${MAINTENANCE}`, async () => {
        await session.query(`REVOKE ALL ON DATABASE ${MAINTENANCE} FROM PUBLIC`)
        await session.query(`GRANT CONNECT ON DATABASE ${MAINTENANCE} TO ${quoted} WITH GRANT OPTION`)
        await session.query('REVOKE ALL ON DATABASE template1 FROM PUBLIC')
        await keepLocks(session, quoted)
      })
    }),
  )
}

/**
 * The platform takes its locks (lock.ts) in the maintenance database. A tenant that has no pooler may enter there too, and
 * by holding one of them it would stop all provisioning. Rights on functions are those of one database: the tenant's own
 * keeps all of them.
 */
async function keepLocks(session: Session, user: string): Promise<void> {
  const found = await session.query<{ functions: string | null }>(
    `SELECT string_agg(oid::regprocedure::text, ', ') AS functions FROM pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_'`,
  )
  const functions = found[0]?.functions
  if (!functions) return
  await session.query(`GRANT EXECUTE ON FUNCTION ${functions} TO ${user}`)
  await session.query(`REVOKE EXECUTE ON FUNCTION ${functions} FROM PUBLIC`)
}
