/**
 * What a clone must not share with its template: Odoo's own duplicate renews the same things. The shared secret would sign
 * every tenant's portal and reset tokens, the shared uuid breaks Enterprise registration, the shared admin is an open door.
 */
import { randomUUID } from 'node:crypto'
import type { Session } from './connect.ts'
import { odooPasswordHash } from './odoo-password.ts'

export interface Identity {
  readonly adminLogin: string
  readonly adminPassword: string
  /** Further rows of ir.config_parameter: the address in links and for reports. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The parameter that says whose database this is. A copy under another name is told apart by it. */
export const OWNER_PARAMETER = 'platxa.database'

/** Inside a transaction, before the tenant is ever let in: what runs here is the template's, which we trust. */
export async function takeIdentity(session: Session, database: string, identity: Identity): Promise<void> {
  const [mark] = await session.query<{ value: string }>('SELECT value FROM public.ir_config_parameter WHERE key = $1', [
    OWNER_PARAMETER,
  ])
  if (mark?.value === database) return
  await writeParameters(session, {
    ...identity.parameters,
    'database.uuid': randomUUID(),
    'database.secret': randomUUID(),
    'database.create_date': new Date().toISOString().slice(0, 19).replace('T', ' '),
    // The template keeps its files inside, so that a clone needs no volume; what the tenant adds goes to its own.
    'ir_attachment.location': 'file',
    [OWNER_PARAMETER]: database,
  })
  await replaceAdmin(session, identity)
}

export async function writeParameters(session: Session, parameters: Readonly<Record<string, string>>): Promise<void> {
  await session.query(
    `INSERT INTO public.ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
     SELECT key, value, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC'
     FROM unnest($1::text[], $2::text[]) AS wanted (key, value)
     ON CONFLICT (key) DO UPDATE SET value = excluded.value, write_uid = 1, write_date = excluded.write_date
     WHERE public.ir_config_parameter.value IS DISTINCT FROM excluded.value`,
    [Object.keys(parameters), Object.values(parameters)],
  )
}

async function replaceAdmin(session: Session, { adminLogin, adminPassword }: Identity): Promise<void> {
  const admin = await adminId(session)
  await session.query('UPDATE public.res_users SET password = NULL WHERE id <> $1', [admin])
  await session.query('UPDATE public.res_users SET login = $2, password = $3 WHERE id = $1', [
    admin,
    adminLogin,
    await odooPasswordHash(adminPassword),
  ])
  if (await has(session, 'public.res_users_apikeys')) await session.query('DELETE FROM public.res_users_apikeys')
}

/** `base.user_admin`; 2 in every series that was looked at, which is the answer where nobody recorded it. */
async function adminId(session: Session): Promise<number> {
  if (!(await has(session, 'public.ir_model_data'))) return 2
  const [found] = await session.query<{ res_id: number }>(
    `SELECT res_id FROM public.ir_model_data WHERE module = 'base' AND name = 'user_admin' AND model = 'res.users'`,
  )
  return found?.res_id ?? 2
}

async function has(session: Session, table: string): Promise<boolean> {
  const [found] = await session.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [table])
  return found?.exists ?? false
}
