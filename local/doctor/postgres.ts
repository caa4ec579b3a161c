// Checks of PostgreSQL, as the functions' own role sees it.
import { bad, type Check, type Finding, good, unknown } from './finding.ts'

const OLDEST = 15
const SQL = 'PLATXA_PASSWORD=… psql … -f manifests/postgres/platform.sql, as its administrator'
const TOLERATED_SKEW_MS = 5_000

interface Role {
  readonly name: string
  readonly creates_databases: boolean
  readonly creates_roles: boolean
  readonly is_superuser: boolean
  readonly lets_in: boolean
  readonly public_enters: boolean
  readonly public_locks: boolean
  readonly time: Date
}

export const postgresServer: Check = {
  name: 'PostgreSQL',
  beforeInstall: false,
  clusterOnly: false,
  async look({ postgres, postgresFault, now, signal }) {
    if (postgres === undefined) return [unknown(`PostgreSQL was not asked: ${postgresFault}`, '--postgres URL')]
    return postgres.session({ signal }, async (session) => {
      const [role] = await session.query<{ [Key in keyof Role]: Role[Key] }>(
        `SELECT rolname AS name, rolcreatedb AS creates_databases, rolcreaterole AS creates_roles, rolsuper AS is_superuser,
                has_database_privilege(current_user, 'postgres', 'CONNECT WITH GRANT OPTION') AS lets_in,
                has_database_privilege('public', 'postgres', 'CONNECT') AS public_enters,
                has_function_privilege('public', 'pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE') AS public_locks,
                clock_timestamp() AS time
         FROM pg_roles WHERE rolname = current_user`,
      )
      return role === undefined ? [] : [versionOf(session.major), ...rightsOf(role), clockOf(role.time, now())]
    })
  },
}

function versionOf(major: number): Finding {
  if (major >= OLDEST) return good(`PostgreSQL ${major}`)
  return bad(`PostgreSQL ${major} is too old: its clones cannot be kept apart`, `upgrade it to ${OLDEST} or newer`)
}

function rightsOf(role: Role): readonly Finding[] {
  const rows: readonly (readonly [boolean, string, string])[] = [
    [role.creates_databases, 'may create databases', `its role ${role.name} may not create databases`],
    [role.creates_roles, 'may create roles', `its role ${role.name} may not create roles`],
    [role.lets_in, 'may let tenants into "postgres"', `its role ${role.name} may not grant CONNECT on "postgres"`],
    [
      !role.is_superuser,
      'is no superuser',
      `its role ${role.name} is a superuser: one fault in a function reaches everything`,
    ],
    [
      !role.public_enters,
      'keeps others out of "postgres"',
      'every role may connect to "postgres" and hear other tenants’ notifications',
    ],
    [
      !role.public_locks,
      'keeps its locks to itself',
      'every role may take the platform’s locks in "postgres" and stop provisioning',
    ],
  ]
  return rows.map(([holds, says, otherwise]) =>
    holds ? good(`the platform’s role ${says}`) : bad(`PostgreSQL: ${otherwise}`, SQL),
  )
}

function clockOf(there: Date, here: Temporal.Instant): Finding {
  const skew = Math.abs(there.getTime() - here.epochMilliseconds)
  if (skew <= TOLERATED_SKEW_MS) return good('the clock of PostgreSQL agrees with the one here')
  return bad(`the clock of PostgreSQL is ${Math.round(skew / 1000)} s off`, 'let both follow the same NTP server')
}

interface Template {
  readonly name: string
  readonly frozen: boolean
}

export const templates: Check = {
  name: 'templates',
  beforeInstall: false,
  clusterOnly: false,
  async look({ postgres, signal }) {
    if (postgres === undefined) return []
    const found = await postgres.session({ signal }, (session) =>
      session.query<{ [Key in keyof Template]: Template[Key] }>(
        `SELECT datname AS name, datistemplate AND NOT datallowconn AS frozen FROM pg_database
         WHERE datname ~ '^template_odoo_[0-9]+$' ORDER BY datname`,
      ),
    )
    if (found.length === 0) {
      return [
        bad('there is no template_odoo_{version}: no instance can be made', 'run the Job that makes one (README.md)'),
      ]
    }
    return found.map(({ name, frozen }) =>
      frozen
        ? good(`${name} can be cloned`)
        : bad(
            `${name} is not frozen: somebody may be connected to it, and cloning waits for that`,
            `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`,
          ),
    )
  },
}
