/**
 * What a tenant's database remembers about itself, as its comment: the template it is from and the UID of the namespace it
 * was made for. A later instance of the same name has another UID, and never gets what an earlier one left.
 */
import type { Session } from './connect.ts'
import { identifier, literal } from './names.ts'
import { mayConnect } from './roles.ts'

export interface Origin {
  readonly template: string
  /** UID of the namespace. */
  readonly uid: string
}

export async function writeOrigin(session: Session, database: string, { template, uid }: Origin): Promise<void> {
  const comment = literal(`platxa: cloned from ${template} for ${uid}`)
  await session.query(`COMMENT ON DATABASE ${identifier(database)} IS ${comment}`)
}

export function readOrigin(comment: string | null): Origin | undefined {
  const [, template, uid] = /^platxa: cloned from (\S+) for (\S+)$/.exec(comment ?? '') ?? []
  return template !== undefined && uid !== undefined ? { template, uid } : undefined
}

/** A finished clone and where it is from; undefined while there is none, or none that its tenant was let into. */
export async function lookForClone(
  session: Session,
  database: string,
  role: string,
): Promise<{ readonly origin: Origin | undefined } | undefined> {
  if (!(await mayConnect(session, database, role))) return undefined
  const [found] = await session.query<{ comment: string | null }>(
    `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
    [database],
  )
  return { origin: readOrigin(found?.comment ?? null) }
}

/** Whether the database may be dropped or frozen in the name of this instance: it is its own, or nobody's yet. */
export async function isOwnOrNobodys(session: Session, database: string, role: string, uid: string): Promise<boolean> {
  const clone = await lookForClone(session, database, role)
  return clone === undefined || clone.origin === undefined || clone.origin.uid === uid
}
