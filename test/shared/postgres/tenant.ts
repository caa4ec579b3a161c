/** Builders for the tests of shared/postgres: one tenant to clone, and everything of it that a test may compare. */
import type { CloneOptions } from '#shared/postgres/clone.ts'
import type { Admin, Session } from '#shared/postgres/connect.ts'
import { scramVerifier } from '#shared/postgres/scram.ts'
import { freshName, type PostgresWorld } from '#test/world/postgres.ts'

export const PASSWORD = 'a-long-random-password-for-tests'
export const never = new AbortController().signal

export async function tenantOf(
  world: PostgresWorld,
  change: Partial<CloneOptions> = {},
): Promise<CloneOptions & { readonly role: string }> {
  const role = change.role ?? freshName('odoo_')
  return {
    admin: world.admin,
    database: role,
    role,
    template: world.template,
    uid: 'uid-1',
    verifier: await scramVerifier(role, PASSWORD),
    connectionLimit: 20,
    pooler: true,
    identity: {
      adminLogin: 'owner@example.com',
      adminPassword: 'first-login-password',
      parameters: { 'web.base.url': `https://${role}.example.com`, 'web.base.url.freeze': 'True' },
    },
    signal: never,
    ...change,
  }
}

export async function rows<Row extends object>(admin: Admin, text: string, values?: unknown[], database?: string) {
  return admin.session({ signal: never, ...(database && { database }) }, (session: Session) =>
    session.query<Row & Record<string, unknown>>(text, values),
  )
}

/** All there is of a tenant, with its name replaced, so that two of them can be compared. */
export async function stateOf({ root }: PostgresWorld, name: string): Promise<unknown> {
  const outside = await root.session({ signal: never }, (session) => seenFromOutside(session, name))
  const inside = await root.session({ database: name, signal: never }, seenInside)
  const { parameters } = inside
  for (const key of ['database.uuid', 'database.secret', 'database.create_date']) {
    parameters[key] = String(parameters[key]?.length)
  }
  return JSON.parse(JSON.stringify({ ...outside, ...inside }).replaceAll(name, 'TENANT'))
}

async function seenFromOutside(session: Session, name: string) {
  // Who makes a role is a member twice since PostgreSQL 16: what it granted itself, and ADMIN from the first superuser.
  const role = await session.query(
    `SELECT rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit,
            rolpassword IS NOT NULL AS has_password,
            (SELECT array_agg(DISTINCT pg_get_userbyid(member)::text) FROM pg_auth_members WHERE roleid = r.oid
              AND pg_has_role(member, roleid, 'USAGE')) AS members,
            (SELECT datacl::text LIKE '%' || $1 || '%' FROM pg_database WHERE datname = 'postgres') AS in_postgres
     FROM pg_authid r WHERE rolname = $1`,
    [name],
  )
  const database = await session.query(
    `SELECT pg_get_userbyid(datdba) AS owner, datacl::text AS acl, datallowconn, datistemplate, datconnlimit,
            pg_encoding_to_char(encoding) AS encoding, datcollate, shobj_description(oid, 'pg_database') AS comment
     FROM pg_database WHERE datname = $1`,
    [name],
  )
  return { role, database }
}

async function seenInside(session: Session) {
  const owners = await session.query(
    `SELECT relkind, relname, pg_get_userbyid(relowner) AS owner, relacl::text FROM pg_class
     WHERE relnamespace = 'public'::regnamespace ORDER BY 1, 2`,
  )
  const schema = await session.query(
    `SELECT pg_get_userbyid(nspowner) AS owner, nspacl::text AS acl FROM pg_namespace WHERE nspname = 'public'`,
  )
  const users = await session.query('SELECT id, login, left(password, 20) AS password FROM public.res_users')
  return { owners, schema, users, parameters: await parametersIn(session) }
}

export async function parametersOf({ root }: PostgresWorld, database: string): Promise<Record<string, string>> {
  return root.session({ database, signal: never }, parametersIn)
}

async function parametersIn(session: Session): Promise<Record<string, string>> {
  const found = await session.query<{ key: string; value: string }>('SELECT key, value FROM public.ir_config_parameter')
  return Object.fromEntries(found.map(({ key, value }) => [key, value]))
}
