// What one tenant can do to another on the server they share: nothing. Asked of a real PostgreSQL and a real PgBouncer.
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseOf } from '#shared/instance/names.ts'
import { cloneDatabase, type CloneOptions } from '#shared/postgres/clone.ts'
import { scramVerifier } from '#shared/postgres/scram.ts'
import { platformOf, specOf } from '#test/shared/instance/builders.ts'
import { findPgbouncer, type Pooler, startPgbouncer } from '#test/world/pgbouncer.ts'
import { NOT_HERE, VERSIONS, freshName, hasPostgres, postgresOf, type PostgresWorld } from '#test/world/postgres.ts'
import { rows, tenantOf } from './tenant.ts'

const program = await findPgbouncer()
const withoutPgbouncer = program === undefined ? ' (skipped: no pgbouncer on PATH, and none could be installed)' : ''
/** Insufficient privilege. */
const DENIED = '42501'

interface Pair {
  /** Who is logged in. */
  readonly a: CloneOptions
  /** Whose things are at stake. */
  readonly b: CloneOptions
}

interface Attempt {
  readonly to: string
  readonly sql: (pair: Pair) => string
}

/** Each in A's own database, the only one that it can enter. */
const ATTEMPTS: readonly Attempt[] = [
  { to: 'create a database', sql: () => `CREATE DATABASE ${freshName()}` },
  { to: 'copy the database of B', sql: ({ b }) => `CREATE DATABASE ${freshName()} TEMPLATE ${b.database}` },
  { to: 'copy the template', sql: ({ b }) => `CREATE DATABASE ${freshName()} TEMPLATE ${b.template}` },
  { to: 'drop the database of B', sql: ({ b }) => `DROP DATABASE ${b.database} WITH (FORCE)` },
  { to: 'drop its own database', sql: ({ a }) => `DROP DATABASE ${a.database}` },
  { to: 'drop the template', sql: ({ a }) => `DROP DATABASE ${a.template}` },
  { to: 'drop the database postgres', sql: () => 'DROP DATABASE postgres' },
  { to: 'rename the database of B', sql: ({ b }) => `ALTER DATABASE ${b.database} RENAME TO ${freshName()}` },
  { to: 'close the database of B', sql: ({ b }) => `ALTER DATABASE ${b.database} ALLOW_CONNECTIONS false` },
  { to: 'lift the limit of its own database', sql: ({ a }) => `ALTER DATABASE ${a.database} CONNECTION LIMIT -1` },
  { to: 'set a setting for the database of B', sql: ({ b }) => `ALTER DATABASE ${b.database} SET work_mem = '1GB'` },
  { to: 'forge where the database of B came from', sql: ({ b }) => `COMMENT ON DATABASE ${b.database} IS 'x'` },
  {
    to: 'let itself into the database of B',
    sql: ({ a, b }) => `GRANT CONNECT ON DATABASE ${b.database} TO ${a.role}`,
  },
  { to: 'let itself into postgres', sql: ({ a }) => `GRANT CONNECT ON DATABASE postgres TO ${a.role}` },
  { to: 'ask how large the database of B is', sql: ({ b }) => `SELECT pg_database_size('${b.database}')` },
  { to: 'create a role', sql: () => `CREATE ROLE ${freshName()}` },
  { to: 'drop the role of B', sql: ({ b }) => `DROP ROLE ${b.role}` },
  { to: 'change the password of B', sql: ({ b }) => `ALTER ROLE ${b.role} PASSWORD 'mine'` },
  { to: 'set a setting for the role of B', sql: ({ b }) => `ALTER ROLE ${b.role} SET search_path = mine` },
  { to: 'make itself a superuser', sql: ({ a }) => `ALTER ROLE ${a.role} SUPERUSER` },
  { to: 'lift its own connection limit', sql: ({ a }) => `ALTER ROLE ${a.role} CONNECTION LIMIT -1` },
  { to: 'become B', sql: ({ b }) => `SET ROLE ${b.role}` },
  { to: 'become B for the whole session', sql: ({ b }) => `SET SESSION AUTHORIZATION ${b.role}` },
  { to: 'become the platform', sql: () => 'SET ROLE platxa' },
  { to: 'become the owner of templates', sql: () => 'SET ROLE odoo_tpl' },
  { to: 'join the role of B', sql: ({ a, b }) => `GRANT ${b.role} TO ${a.role}` },
  { to: 'join those who read everything', sql: ({ a }) => `GRANT pg_read_all_data TO ${a.role}` },
  { to: 'give its tables to B', sql: ({ b }) => `ALTER TABLE public.res_partner OWNER TO ${b.role}` },
  { to: 'read stored passwords', sql: () => 'SELECT rolpassword FROM pg_authid' },
  { to: 'read stored passwords by their view', sql: () => 'SELECT passwd FROM pg_shadow' },
  { to: 'end a session of B', sql: ({ b }) => ofSessions('pg_terminate_backend', b) },
  { to: 'cancel what B does', sql: ({ b }) => ofSessions('pg_cancel_backend', b) },
  { to: 'read a file of the server', sql: () => `SELECT pg_read_file('PG_VERSION')` },
  { to: 'list the files of the server', sql: () => `SELECT pg_ls_dir('base')` },
  { to: 'copy from a file of the server', sql: () => `COPY public.res_partner FROM '/etc/passwd'` },
  { to: 'run a program on the server', sql: () => `COPY public.res_partner TO PROGRAM 'true'` },
  { to: 'load a file as a large object', sql: () => `SELECT lo_import('/etc/passwd')` },
  { to: 'write code in C', sql: () => `CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'getpid'` },
  { to: 'make a way to foreign servers', sql: () => 'CREATE FOREIGN DATA WRAPPER mine' },
  { to: 'read the stream of changes', sql: () => `SELECT pg_create_physical_replication_slot('mine')` },
  { to: 'change the server’s settings', sql: () => 'ALTER SYSTEM SET log_statement = none' },
  { to: 'make the server reread its settings', sql: () => 'SELECT pg_reload_conf()' },
  { to: 'make a tablespace', sql: () => `CREATE TABLESPACE mine LOCATION '/tmp'` },
]

/** Where somebody let A into B's database by mistake: the second line of defence. */
const INSIDE: readonly Attempt[] = [
  { to: 'read', sql: () => 'SELECT * FROM public.res_users' },
  { to: 'add', sql: () => `INSERT INTO public.ir_config_parameter (key, value) VALUES ('mine', 'x')` },
  { to: 'change', sql: () => `UPDATE public.res_users SET password = 'mine'` },
  { to: 'delete', sql: () => 'DELETE FROM public.res_partner' },
  { to: 'empty', sql: () => 'TRUNCATE public.res_partner' },
  { to: 'create a table', sql: () => 'CREATE TABLE public.mine ()' },
  { to: 'create a temporary table', sql: () => 'CREATE TEMPORARY TABLE mine ()' },
  { to: 'create a function', sql: () => 'CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$' },
  { to: 'create a schema', sql: () => 'CREATE SCHEMA mine' },
  { to: 'take a table', sql: ({ a }) => `ALTER TABLE public.res_partner OWNER TO ${a.role}` },
]

/** Each tenant has one of its own. */
function passwordOf(role: string): string {
  return `password-of-${role}`
}

function ofSessions(how: string, { role }: CloneOptions): string {
  return `SELECT ${how}(pid) FROM pg_stat_activity WHERE usename = '${role}'`
}

for (const version of VERSIONS) {
  const missing = !(await hasPostgres(version))

  describe.skipIf(missing)(`one tenant and another on PostgreSQL, ${version}${missing ? NOT_HERE : ''}`, () => {
    let world: PostgresWorld
    let pair: Pair
    const open: Client[] = []
    const dial = async (login: { host: string; port: number; user: string; database: string; password?: string }) => {
      const client = new Client({ password: passwordOf(login.user), connectionTimeoutMillis: 10_000, ...login })
      client.on('error', () => {})
      try {
        await client.connect()
      } catch (error) {
        // The driver does not close what it could not open.
        client.connection.stream.destroy()
        throw error
      }
      open.push(client)
      return client
    }
    const straight = ({ role }: CloneOptions, database: string): Promise<Client> => {
      const { host, port } = world.admin.settings
      return dial({ host, port, user: role, database })
    }
    const oneTenant = async (prefix: string, pooler: boolean): Promise<CloneOptions> => {
      const role = databaseOf(freshName(prefix))
      const verifier = await scramVerifier(role, passwordOf(role))
      const options = await tenantOf(world, { role, verifier, pooler })
      await cloneDatabase(options)
      return options
    }
    const twoTenants = async ({ pooler } = { pooler: true }): Promise<Pair> => ({
      a: await oneTenant('a', pooler),
      b: await oneTenant('b', pooler),
    })
    const asA = (sql: string, { a }: Pair, database = a.database) =>
      rows(world.tenant(a.role, passwordOf(a.role)), sql, [], database)
    beforeAll(async () => {
      world = await postgresOf(version)
      pair = await twoTenants()
    })
    afterEach(async () => {
      await Promise.all(open.splice(0).map((client) => client.end()))
    })
    afterAll(() => world.close())

    describe('logged in as A', () => {
      it.each(['the database of B', 'postgres', 'template1', 'the template'])('cannot connect to %s', async (name) => {
        const database = { 'the database of B': pair.b.database, 'the template': pair.b.template }[name] ?? name
        await expect(asA('SELECT', pair, database)).rejects.toMatchObject({
          // The template lets nobody in at all.
          sqlstate: name === 'the template' ? '55000' : DENIED,
        })
      })

      it('cannot log in as B with its own password', async () => {
        const { host, port } = world.admin.settings
        const login = dial({
          host,
          port,
          user: pair.b.role,
          database: pair.b.database,
          password: passwordOf(pair.a.role),
        })
        await expect(login).rejects.toMatchObject({ code: '28P01' })
      })

      it.each(ATTEMPTS)('cannot $to', async ({ sql }) => {
        await straight(pair.b, pair.b.database) // whose session is at stake
        await expect(asA(sql(pair), pair)).rejects.toMatchObject({ sqlstate: DENIED })
      })

      it.each(['dblink', 'postgres_fdw', 'file_fdw', 'adminpack'])('cannot have the extension %s', async (name) => {
        // 0A000 or 58P01: this server does not bring it.
        await expect(asA(`CREATE EXTENSION ${name}`, pair)).rejects.toMatchObject({
          sqlstate: expect.stringMatching(/^(42501|0A000|58P01)$/),
        })
      })

      it('sees that B is connected, and neither what it does nor where from', async () => {
        const client = await straight(pair.b, pair.b.database)
        await client.query(`SELECT 'a secret of B'`)
        const seen = await asA(
          `SELECT query, state, client_addr, application_name FROM pg_stat_activity WHERE usename = '${pair.b.role}'`,
          pair,
        )
        const hidden = { query: '<insufficient privilege>', state: null, client_addr: null }
        expect(seen).toEqual([expect.objectContaining(hidden)])
      })

      it('can list the names of all databases and roles, with their limits and where a clone came from', async () => {
        const { a, b } = pair
        const databases = await asA(
          `SELECT datname, datconnlimit, shobj_description(oid, 'pg_database') AS comment FROM pg_database`,
          pair,
        )
        const comment = `platxa: cloned from ${b.template} for ${b.uid}`
        expect(databases).toContainEqual({ datname: b.database, datconnlimit: 25, comment })
        const roles = await asA('SELECT rolname, rolpassword, rolconnlimit FROM pg_roles', pair)
        for (const role of [a.role, b.role]) {
          expect(roles).toContainEqual({ rolname: role, rolpassword: '********', rolconnlimit: 20 })
        }
      })
    })

    describe('let into the database of B by mistake, A', () => {
      let mistaken: Pair
      beforeAll(async () => {
        mistaken = await twoTenants()
        await rows(world.root, `GRANT CONNECT ON DATABASE ${mistaken.b.database} TO ${mistaken.a.role}`)
      })

      it.each(INSIDE)('cannot $to there', async ({ sql }) => {
        await expect(asA(sql(mistaken), mistaken, mistaken.b.database)).rejects.toMatchObject({ sqlstate: DENIED })
      })
    })

    describe('without a pooler, in the database postgres, A', () => {
      let bare: Pair
      beforeAll(async () => {
        bare = await twoTenants({ pooler: false })
      })

      it('may CONNECT and nothing else', async () => {
        const may = await asA(
          `SELECT has_database_privilege('postgres', 'CONNECT') AS connect,
                  has_database_privilege('postgres', 'CREATE') AS create,
                  has_database_privilege('postgres', 'TEMPORARY') AS temporary,
                  has_schema_privilege('public', 'CREATE') AS in_public`,
          bare,
          'postgres',
        )
        expect(may).toEqual([{ connect: true, create: false, temporary: false, in_public: false }])
      })

      it.each([
        'CREATE TABLE public.mine ()',
        'CREATE TEMPORARY TABLE mine ()',
        'CREATE SCHEMA mine',
        // The platform's own locks are taken in there: whoever could hold them would stop all provisioning.
        'SELECT pg_advisory_lock(1)',
        'SELECT pg_try_advisory_xact_lock_shared(1, 2)',
        'CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      ])('cannot %s', async (sql) => {
        await expect(asA(sql, bare, 'postgres')).rejects.toMatchObject({ sqlstate: DENIED })
      })

      it('still hears B and can be told lies by it: only the pooler ends that', async () => {
        const [ears, mouth] = [await straight(bare.a, 'postgres'), await straight(bare.b, 'postgres')]
        const heard = hearing(ears)
        await ears.query('LISTEN imbus')
        await mouth.query(`NOTIFY imbus, 'of B'`)
        await expect.poll(() => heard).toEqual(['imbus of B'])
      })

      it('can list names there as anywhere: those of databases and roles', async () => {
        const names = await asA('SELECT datname FROM pg_database', bare, 'postgres')
        expect(names).toContainEqual({ datname: bare.b.database })
        expect(await asA('SELECT rolname FROM pg_roles', bare, 'postgres')).toContainEqual({ rolname: bare.b.role })
      })
    })

    describe.skipIf(program === undefined)(`through the PgBouncer of its own pod, A${withoutPgbouncer}`, () => {
      let poolers: { readonly a: Pooler; readonly b: Pooler }
      const started: Pooler[] = []
      const poolerOf = async ({ role }: CloneOptions): Promise<Pooler> => {
        const { host, port } = world.admin.settings
        const pooler = await startPgbouncer({
          program: program ?? '',
          spec: specOf({ name: role.replace(/^odoo_/, '') }),
          platform: platformOf({ PGHOST: host, PGPORT: String(port), PGSSLMODE: 'disable' }),
          password: passwordOf(role),
        })
        started.push(pooler)
        return pooler
      }
      const through = ({ host, port }: Pooler, { role }: CloneOptions, database: string) =>
        dial({ host, port, user: role, database })
      beforeAll(async () => {
        poolers = { a: await poolerOf(pair.a), b: await poolerOf(pair.b) }
      })
      afterAll(() => Promise.all(started.map((pooler) => pooler.stop())))

      it.each(['postgres', 'its own name'])('reaches its own database as %s', async (name) => {
        const database = name === 'postgres' ? name : pair.a.database
        const client = await through(poolers.a, pair.a, database)
        const { rows: found } = await client.query('SELECT current_database() AS database, current_user AS role')
        expect(found).toEqual([{ database: pair.a.database, role: pair.a.role }])
      })

      it.each(['the database of B', 'template1', 'the template'])(
        'cannot reach %s, which is no name there',
        async (name) => {
          const database = { 'the database of B': pair.b.database, 'the template': pair.b.template }[name] ?? name
          await expect(through(poolers.a, pair.a, database)).rejects.toThrow(/no such database/)
        },
      )

      it('cannot command the pooler itself', async () => {
        await expect(through(poolers.a, pair.a, 'pgbouncer')).rejects.toThrow(/not allowed|no such user/)
      })

      it('is refused by the real database postgres when it goes around the pooler', async () => {
        await expect(straight(pair.a, 'postgres')).rejects.toMatchObject({ code: DENIED })
      })

      it('hears its own notifications, and B does not', async () => {
        const own = await through(poolers.a, pair.a, 'postgres')
        const others = await through(poolers.b, pair.b, 'postgres')
        const [heard, overheard] = [hearing(own), hearing(others)]
        for (const client of [own, others]) await client.query('LISTEN imbus; LISTEN cron_trigger')
        const mouth = await through(poolers.a, pair.a, 'postgres')
        await mouth.query(`NOTIFY imbus, 'record 7'; NOTIFY cron_trigger, 'now'`)
        // The server's queue is one for all and in order: what comes later proves that nothing came before.
        await others.query(`NOTIFY imbus, 'end'`)
        await expect.poll(() => heard).toEqual(['imbus record 7', 'cron_trigger now'])
        await expect.poll(() => overheard).toEqual(['imbus end'])
      })

      it('is told no lies by B, whichever way that one comes in', async () => {
        const ears = await through(poolers.a, pair.a, 'postgres')
        const heard = hearing(ears)
        await ears.query('LISTEN imbus; LISTEN cron_trigger')
        const lies = `NOTIFY imbus, 'lie'; NOTIFY cron_trigger, 'lie'`
        for (const name of ['postgres', pair.b.database]) {
          await (await through(poolers.b, pair.b, name)).query(lies)
        }
        await (await straight(pair.b, pair.b.database)).query(lies)
        await expect(straight(pair.b, 'postgres')).rejects.toMatchObject({ code: DENIED })
        await expect(straight(pair.b, pair.a.database)).rejects.toMatchObject({ code: DENIED })
        await expect(through(poolers.a, pair.b, 'postgres')).rejects.toThrow(/authentication failed/)
        await ears.query(`NOTIFY cron_trigger, 'the truth'`)
        await expect.poll(() => heard).toEqual(['cron_trigger the truth'])
      })
    })
  })
}

/** Fills while the connection listens. */
function hearing(client: Client): string[] {
  const heard: string[] = []
  client.on('notification', ({ channel, payload }) => heard.push(`${channel} ${payload}`))
  return heard
}
