/**
 * What a superuser does once on a fresh server, so that the functions never need one again: the platform's own role, and
 * no way into the shared databases for everybody. Safe to repeat.
 */
import { roleExists } from './catalogue.ts'
import { type Admin, MAINTENANCE } from './connect.ts'
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
      })
    }),
  )
}
