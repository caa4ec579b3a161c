/**
 * Making a template that can be cloned at any moment (shared/facts/odoo.md §1.13): built under another name beside the one
 * in use, looked at, handed to an owner who cannot log in, closed to everybody, and only then given its name. A half-made
 * template is never seen as one, and one that did not come out leaves the one in use as it is.
 */
import { randomBytes } from 'node:crypto'
import { roleExists } from './catalogue.ts'
import type { Admin, Session } from './connect.ts'
import { PostgresError } from './errors.ts'
import { inTransaction, withLock } from './lock.ts'
import { identifier, literal } from './names.ts'
import { allowMaintenance, ensureMembership, TEMPLATE_OWNER } from './roles.ts'
import { scramVerifier } from './scram.ts'
import { dropWithSessions, emptyDatabase, endSessions } from './sessions.ts'
import { lookAt } from './survey.ts'

/** A login that lives as long as the building does. */
export interface BuildAccess {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

interface Which {
  readonly admin: Admin
  readonly template: string
  readonly signal: AbortSignal
}

/** Throws when what was built is no template that anybody should be given. */
export type Check = (inside: Session) => Promise<void>

export interface TemplateOptions extends Which {
  /** Puts the tables in: Odoo itself, or the stand-in's few statements. */
  readonly build: (access: BuildAccess, signal: AbortSignal) => Promise<void>
  readonly check?: Check
  /** In words, for whoever looks at it later: what it was made of. */
  readonly madeOf?: string
  /** Take the place of one that is there already. Otherwise that one is left as it is. */
  readonly replace?: boolean
}

/** Odoo uses them when they are there: search in texts, and search without accents. */
const EXTENSIONS = ['pg_trgm', 'unaccent']
const STATEMENT_MS = 300_000
const MADE_OF = 'platxa: template, '

/** Returns whether it was made now. */
export async function createTemplate(options: TemplateOptions): Promise<boolean> {
  const { build, replace = false, signal } = options
  return alone(options, async (session) => {
    if (!replace && (await lookAt(session, options.template)) !== undefined) return false
    await orNothing(session, options.template, async () => {
      const { access } = await begin(session, options)
      await build(access, signal)
      await finish(session, options)
    })
    return true
  })
}

/** What it was made of; undefined when there is none. */
export async function templateMadeOf({ admin, template, signal }: Which): Promise<string | undefined> {
  const found = await admin.session({ signal }, (session) => lookAt(session, template))
  return found && (found.comment ?? '').replace(MADE_OF, '')
}

/** For a builder that is another process: what `finishTemplate` must be given. A build that began later ends this one. */
export interface Begun {
  readonly access: BuildAccess
  readonly id: string
}

export async function beginTemplate(options: Which): Promise<Begun> {
  return alone(options, (session) => begin(session, options))
}

/** Throws, and the template in use stays, when another build has begun meanwhile or the check does not pass. */
export async function finishTemplate(options: Omit<TemplateOptions, 'build'> & Pick<Begun, 'id'>): Promise<void> {
  await alone(options, async (session) => {
    const found = await lookAt(session, nextOf(options.template))
    if (found?.comment !== building(options.id)) {
      throw new PostgresError(`another build of "${options.template}" has begun since, or this one is finished`)
    }
    await orNothing(session, options.template, () => finish(session, options))
  })
}

/** The one in use until the last build, for going back. */
export const previousOf = (template: string): string => `${template}_previous`
const nextOf = (template: string): string => `${template}_next`
const builderOf = (template: string): string => `${template}_build`
const building = (id: string): string => `platxa: being built, ${id}`

function alone<T>({ admin, template, signal }: Which, run: (session: Session) => Promise<T>): Promise<T> {
  return admin.session({ timeoutMs: STATEMENT_MS, signal }, (session) =>
    withLock(session, `template ${template}`, () => run(session)),
  )
}

/** What did not come out is of no use, and its role is a login that nobody would miss. Why it did not is what is told. */
async function orNothing(session: Session, template: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    await discard(session, template).catch(() => {})
    throw error
  }
}

async function begin(session: Session, { admin, template, signal }: Which): Promise<Begun> {
  const next = nextOf(template)
  const builder = builderOf(template)
  await ensureTemplateOwner(session)
  // One that was cut off may have left what it had: of unknown contents.
  await discard(session, template)
  const password = await prepare(session, next, builder)
  const id = randomBytes(8).toString('hex')
  await session.query(`COMMENT ON DATABASE ${identifier(next)} IS ${literal(building(id))}`)
  await inside(admin, next, signal, (there) => furnish(there, builder))
  const { host, port } = admin.settings
  return { access: { host, port, user: builder, password, database: next }, id }
}

async function finish(session: Session, options: Omit<TemplateOptions, 'build'>): Promise<void> {
  const { admin, template, check, madeOf = '', signal } = options
  const next = nextOf(template)
  const builder = builderOf(template)
  await session.query(`ALTER ROLE ${identifier(builder)} NOLOGIN`)
  await endSessions(session, builder)
  await inside(admin, next, signal, async (there) => {
    await check?.(there)
    await hand(there, builder)
  })
  await session.query(`COMMENT ON DATABASE ${identifier(next)} IS ${literal(MADE_OF + madeOf)}`)
  await freeze(session, next, template)
  await allowMaintenance(session, builder, false)
  await session.query(`DROP ROLE ${identifier(builder)}`)
}

async function ensureTemplateOwner(session: Session): Promise<void> {
  await withLock(session, 'template owner', async () => {
    if (!(await roleExists(session, TEMPLATE_OWNER))) {
      await session.query(`CREATE ROLE ${TEMPLATE_OWNER} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE`)
    }
    await ensureMembership(session, TEMPLATE_OWNER)
  })
}

async function discard(session: Session, template: string): Promise<void> {
  const next = nextOf(template)
  const builder = builderOf(template)
  // Cut off between being frozen and getting its name, it would be protected for ever.
  if ((await lookAt(session, next))?.isTemplate) await unprotect(session, next)
  await dropWithSessions(session, next)
  if (!(await roleExists(session, builder))) return
  await ensureMembership(session, builder)
  await allowMaintenance(session, builder, false)
  await session.query(`DROP ROLE ${identifier(builder)}`)
}

async function prepare(session: Session, next: string, builder: string): Promise<string> {
  const password = randomBytes(24).toString('base64url')
  const verifier = literal(await scramVerifier(builder, password))
  await session.query(
    `CREATE ROLE ${identifier(builder)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${verifier}`,
  )
  await ensureMembership(session, builder)
  await allowMaintenance(session, builder, true)
  // As Odoo makes its own: sorted by code point, the same on every machine.
  await session.query(`CREATE DATABASE ${identifier(next)} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'`)
  await session.query(`REVOKE ALL ON DATABASE ${identifier(next)} FROM PUBLIC`)
  await session.query(`GRANT CONNECT, TEMPORARY, CREATE ON DATABASE ${identifier(next)} TO ${identifier(builder)}`)
  return password
}

async function furnish(there: Session, builder: string): Promise<void> {
  const available = await there.query<{ name: string }>(
    'SELECT name FROM pg_available_extensions WHERE name = ANY ($1)',
    [EXTENSIONS],
  )
  for (const { name } of available) {
    await there.query(`CREATE EXTENSION IF NOT EXISTS ${identifier(name)} SCHEMA public`)
  }
  await there.query(`ALTER SCHEMA public OWNER TO ${identifier(builder)}`)
}

async function hand(there: Session, builder: string): Promise<void> {
  await inTransaction(there, async () => {
    await there.query(`REASSIGN OWNED BY ${identifier(builder)} TO ${TEMPLATE_OWNER}`)
    await there.query(`DROP OWNED BY ${identifier(builder)}`)
    await there.query('REVOKE ALL ON SCHEMA public FROM PUBLIC')
    const [stray] = await there.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND pg_get_userbyid(c.relowner) <> $1
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1`,
      [TEMPLATE_OWNER],
    )
    if (stray)
      throw new PostgresError(`"${stray.name}" in the template belongs to another role than "${TEMPLATE_OWNER}"`)
  })
}

/**
 * Without connections nobody can be in the way of a clone; as a template it cannot be dropped by mistake. Both renames or
 * none: there is no moment without a template, and a clone that is being made keeps the one it began with.
 */
async function freeze(session: Session, next: string, template: string): Promise<void> {
  await emptyDatabase(session, next)
  await session.query(`ALTER DATABASE ${identifier(next)} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
  const replaced = (await lookAt(session, template)) !== undefined
  if (replaced) await dropTemplate(session, previousOf(template))
  await inTransaction(session, async () => {
    if (replaced) await rename(session, template, previousOf(template))
    await rename(session, next, template)
  })
}

async function dropTemplate(session: Session, name: string): Promise<void> {
  if ((await lookAt(session, name)) === undefined) return
  await unprotect(session, name)
  await session.query(`DROP DATABASE ${identifier(name)}`)
}

async function unprotect(session: Session, name: string): Promise<void> {
  await session.query(`ALTER DATABASE ${identifier(name)} WITH IS_TEMPLATE false`)
}

async function rename(session: Session, from: string, to: string): Promise<void> {
  await session.query(`ALTER DATABASE ${identifier(from)} RENAME TO ${identifier(to)}`)
}

async function inside(
  admin: Admin,
  database: string,
  signal: AbortSignal,
  run: (there: Session) => Promise<void>,
): Promise<void> {
  await admin.session({ database, timeoutMs: STATEMENT_MS, signal }, run)
}
