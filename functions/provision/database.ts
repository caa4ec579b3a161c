// The PostgreSQL side: the tenant's database and role.
import { databaseOf } from '#shared/instance/names.ts'
import { parametersOf } from '#shared/instance/parameters.ts'
import type { Platform } from '#shared/instance/platform.ts'
import type { InstanceSecrets, InstanceSpec } from '#shared/instance/spec.ts'
import { tiers } from '#shared/instance/tiers.ts'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import { scramVerifier } from '#shared/postgres/scram.ts'
import { writeTenantParameters } from '#shared/postgres/tenant-settings.ts'

export interface Tenant {
  readonly spec: InstanceSpec
  readonly secrets: InstanceSecrets
  /** UID of the namespace. */
  readonly uid: string
}

/** Returns whether it was made now. */
export async function provideDatabase(
  admin: Admin,
  platform: Platform,
  { spec, secrets, uid }: Tenant,
  signal: AbortSignal,
): Promise<boolean> {
  const role = databaseOf(spec.name)
  const parameters = parametersOf(spec, platform)
  const made = await cloneDatabase({
    admin,
    database: role,
    role,
    uid,
    verifier: await scramVerifier(role, secrets.password),
    connectionLimit: tiers[spec.tier].connectionLimit,
    template: spec.template,
    identity: { adminLogin: spec.adminLogin, adminPassword: secrets.adminPassword, parameters },
    pooler: platform.pooler !== undefined,
    signal,
  })
  // The public address may have changed since. A tenant that is locked out cannot be told; it is when it comes back.
  if (!made && spec.status === 'active') {
    await writeTenantParameters({ admin, database: role, role, password: secrets.password, parameters, signal })
  }
  return made
}
