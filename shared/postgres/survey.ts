/** What there is before anything is done: a tenant's finished clone, what is in its way, and the template. */
import type { Session } from './connect.ts'
import { lookForClone, type Origin } from './origin.ts'

export interface Survey {
  /** Set when the tenant was let in. Its origin is unknown when somebody took the comment away. */
  readonly clone: { readonly origin: Origin | undefined } | undefined
  /** Why this database or role is not one that provisioning made, in words. */
  readonly obstacle: string | undefined
  readonly templateExists: boolean
}

export async function surveyTenant(
  session: Session,
  { database, role, template }: { readonly database: string; readonly role: string; readonly template: string },
): Promise<Survey> {
  return {
    clone: await lookForClone(session, database, role),
    obstacle: await obstacleTo(session, database, role),
    templateExists: (await lookAt(session, template)) !== undefined,
  }
}

export interface Found {
  readonly owner: string
  readonly opened: boolean
  /** An interrupted DROP DATABASE leaves one that can only be dropped. */
  readonly broken: boolean
  readonly isTemplate: boolean
  readonly comment: string | null
}

export async function lookAt(session: Session, database: string): Promise<Found | undefined> {
  const [found] = await session.query<Found & Record<string, unknown>>(
    `SELECT pg_get_userbyid(datdba) AS owner, datallowconn AS opened, datconnlimit = -2 AS broken,
            datistemplate AS "isTemplate", shobj_description(oid, 'pg_database') AS comment
     FROM pg_database WHERE datname = $1`,
    [database],
  )
  return found
}

/** Provisioning leaves alone what it did not make, whatever its name. */
export async function obstacleTo(session: Session, database: string, role: string): Promise<string | undefined> {
  const [found] = await session.query<{ elevated: boolean; owner: string | null; foreign: boolean; used: boolean }>(
    `SELECT EXISTS (
              SELECT FROM pg_roles WHERE rolname = $2
                AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
            ) AS elevated,
            pg_get_userbyid(d.datdba) AS owner, d.datdba <> current_user::regrole AS foreign,
            EXISTS (
              SELECT FROM aclexplode(d.datacl) a
              WHERE a.grantee NOT IN (0, d.datdba) AND a.grantee IS DISTINCT FROM to_regrole(quote_ident($2))
            ) AS used
     FROM (SELECT) one LEFT JOIN pg_database d ON d.datname = $1`,
    [database, role],
  )
  if (found?.elevated) return `role "${role}" has rights that no tenant has`
  if (found?.foreign) return `database "${database}" belongs to "${found.owner}"`
  // As it is in the middle of being kept under another name: its role has that name already.
  return found?.used ? `database "${database}" is in use by another role` : undefined
}
