/**
 * Changing the settings of a database that is already a tenant's. Always as the tenant's own role: whoever owns the tables
 * may have put triggers on them, and those run with the rights of whoever writes.
 */
import { type Admin, connectPostgres } from './connect.ts'
import { writeParameters } from './identity.ts'

export async function writeTenantParameters(options: {
  readonly admin: Admin
  readonly database: string
  readonly role: string
  /** In clear: this is a login. */
  readonly password: string
  readonly parameters: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}): Promise<void> {
  const { admin, database, role, password, parameters, signal } = options
  const tenant = connectPostgres({ ...admin.settings, user: role, password })
  await tenant.session({ database, signal }, (session) => writeParameters(session, parameters))
}
