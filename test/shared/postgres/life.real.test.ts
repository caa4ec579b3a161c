import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import { connectPostgres } from '#shared/postgres/connect.ts'
import { dropDatabase } from '#shared/postgres/drop.ts'
import { PostgresUnavailable } from '#shared/postgres/errors.ts'
import { keepDatabase, keptName } from '#shared/postgres/keep.ts'
import { setConnectionLimit } from '#shared/postgres/limits.ts'
import { activeSessions } from '#shared/postgres/sessions.ts'
import { literal } from '#shared/postgres/names.ts'
import { resumeRole, suspendRole } from '#shared/postgres/suspend.ts'
import { writeTenantParameters } from '#shared/postgres/tenant-settings.ts'
import { NOT_HERE, VERSIONS, hasPostgres, postgresOf, type PostgresWorld } from '#test/world/postgres.ts'
import { cutAdmin } from '#test/world/postgres-faults.ts'
import { never, parametersOf, PASSWORD, rows, tenantOf } from './tenant.ts'

for (const version of VERSIONS) {
  const missing = !(await hasPostgres(version))

  describe.skipIf(missing)(`a tenant on PostgreSQL, ${version}${missing ? NOT_HERE : ''}`, () => {
    let world: PostgresWorld
    beforeAll(async () => {
      world = await postgresOf(version)
    })
    const open: Client[] = []
    afterEach(() => Promise.all(open.splice(0).map((client) => client.end().catch(() => {}))))
    afterAll(() => world.close())

    const cloned = async (pooler = true) => {
      const options = await tenantOf(world, { pooler })
      await cloneDatabase(options)
      return options
    }
    const connected = async (role: string, database = role): Promise<Client> => {
      const { host, port } = world.admin.settings
      const client = new Client({ host, port, user: role, password: PASSWORD, database })
      client.on('error', () => {})
      await client.connect()
      open.push(client)
      return client
    }
    const atWork = (role: string) => world.admin.session({ signal: never }, (session) => activeSessions(session, role))
    const trace = (role: string) =>
      rows(
        world.root,
        `SELECT 'role' AS what FROM pg_roles WHERE rolname = $1
         UNION ALL SELECT 'database' FROM pg_database WHERE datname = $1`,
        [role],
      )

    it('is at work while a transaction is open, and not while it only listens or keeps a connection', async () => {
      const { role } = await cloned(false)
      await (await connected(role, 'postgres')).query('LISTEN imbus')
      const client = await connected(role)
      await client.query('SELECT 1')
      expect(await atWork(role)).toEqual([])
      await client.query('BEGIN')
      expect(await atWork(role)).toMatchObject([{ database: role, state: 'idle in transaction' }])
      await client.query('COMMIT')
      const busy = client.query('SELECT pg_sleep(0.5)')
      await expect.poll(() => atWork(role)).toMatchObject([{ state: 'active' }])
      await busy
    })

    // PostgreSQL runs something of ours between a connection's birth and its first state since 17.
    it.skipIf(version !== 'the newest')(
      `is at work while a connection of it starts${version === 'the newest' ? '' : ' (skipped: nothing holds one there)'}`,
      async () => {
        const { role } = await cloned(false)
        const database = { database: role, signal: never }
        await world.root.session(database, async (session) => {
          await session.query(`CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS
                       $$ BEGIN IF session_user = ${literal(role)} THEN PERFORM pg_sleep(1); END IF; END $$`)
          await session.query('CREATE EVENT TRIGGER slow ON login EXECUTE FUNCTION public.slow()')
        })
        const starts = connected(role)
        await expect.poll(() => atWork(role)).toMatchObject([{ database: role, state: 'starting' }])
        await starts
        expect(await atWork(role)).toEqual([])
      },
    )

    it('is nothing that another tenant can tell', async () => {
      const { role } = await cloned(false)
      const other = await cloned(false)
      await (await connected(role)).query('BEGIN')
      const { host, port } = world.admin.settings
      const stranger = connectPostgres({ host, port, user: other.role, password: PASSWORD, sslmode: 'disable' })
      const asked = stranger.session({ database: other.role, signal: never }, (session) =>
        activeSessions(session, role),
      )
      await expect(asked).rejects.toThrow('may not see')
    })

    it('is locked out by a suspension, its sessions too, and let in again', async () => {
      const { role } = await cloned()
      const client = await connected(role)
      expect(await suspendRole({ admin: world.admin, role, signal: never })).toBe(true)
      await expect(client.query('SELECT 1')).rejects.toThrow(/terminat|closed|not queryable/)
      await expect(connected(role)).rejects.toMatchObject({ code: '28000' })
      expect(await suspendRole({ admin: world.admin, role, signal: never })).toBe(true)
      await resumeRole({ admin: world.admin, role, signal: never })
      await (await connected(role)).query('SELECT 1')
      expect(await suspendRole({ admin: world.admin, role: `${role}_none`, signal: never })).toBe(false)
    })

    it('gets another connection limit on its role, and the headroom on its database', async () => {
      const { role } = await cloned()
      await setConnectionLimit({ admin: world.admin, database: role, role, connectionLimit: 80, signal: never })
      const limits = await rows(
        world.root,
        'SELECT rolconnlimit, datconnlimit FROM pg_roles, pg_database WHERE rolname = $1 AND datname = $1',
        [role],
      )
      expect(limits).toEqual([{ rolconnlimit: 80, datconnlimit: 85 }])
    })

    it('is dropped with its open sessions, and dropping it again is no error', async () => {
      const { role } = await cloned(false)
      await connected(role)
      await connected(role, 'postgres')
      const drop = () => dropDatabase({ admin: world.admin, database: role, role, uid: 'uid-1', signal: never })
      expect(await drop()).toBe(true)
      expect(await trace(role)).toEqual([])
      await drop()
    })

    it('survives the removal of an earlier instance of its name', async () => {
      const { role } = await cloned()
      const earlier = { admin: world.admin, database: role, role, uid: 'uid-0', signal: never }
      expect(await dropDatabase(earlier)).toBe(false)
      expect(await keepDatabase(earlier)).toBe(undefined)
      expect(await trace(role)).toHaveLength(2)
      await (await connected(role)).query('SELECT 1')
    })

    it('is gone after the next try, wherever the connection was cut while it was dropped', async () => {
      const dropped = await cloned(false)
      const counting = cutAdmin(world.admin, world.root)
      await dropDatabase({ ...dropped, admin: counting })
      const cutAndResumed = async (cut: number): Promise<void> => {
        const options = await cloned(false)
        await dropDatabase({ ...options, admin: cutAdmin(world.admin, world.root, cut) }).catch(() => {})
        await dropDatabase(options)
        expect(await trace(options.role), `cut ${cut}`).toEqual([])
      }
      await Promise.all(Array.from({ length: counting.statements() }, (_, index) => cutAndResumed(index + 1)))
    })

    it('leaves its database frozen under another name when that is to be kept, and its name free', async () => {
      const options = await cloned(false)
      const { role } = options
      await connected(role)
      const keep = () => keepDatabase({ admin: world.admin, database: role, role, uid: 'uid-1', signal: never })
      const kept = keptName(role, 'uid-1')
      expect(await keep()).toBe(kept)
      expect(await keep()).toBe(kept)
      expect(await trace(role)).toEqual([])
      expect(
        await rows(
          world.root,
          `SELECT datallowconn, rolcanlogin, pg_get_userbyid(datdba) AS owner FROM pg_database, pg_roles
           WHERE datname = $1 AND rolname = $1`,
          [kept],
        ),
      ).toEqual([{ datallowconn: false, rolcanlogin: false, owner: 'platxa' }])
      expect(await cloneDatabase({ ...options, uid: 'uid-2' })).toBe(true)
      expect(await trace(kept)).toHaveLength(2)
      expect(await keep()).toBe(kept)
      expect(await trace(role)).toHaveLength(2)
      expect(
        await keepDatabase({ admin: world.admin, database: 'odoo_no', role: 'odoo_no', uid: 'x', signal: never }),
      ).toBe(undefined)
    })

    it('is not renamed under somebody whom we may not end, who is named; it is when they have left', async () => {
      const { role } = await cloned(false)
      const keep = () => keepDatabase({ admin: world.admin, database: role, role, uid: 'uid-1', signal: never })
      await world.root.session({ database: role, signal: never }, async () => {
        const failed = `sessions of "${role}" did not end within 10 s: "${world.root.settings.user}", not ours to end`
        await expect(keep()).rejects.toThrow(new PostgresUnavailable(failed))
      })
      expect(await keep()).toBe(keptName(role, 'uid-1'))
    })

    it('never runs code of its own with our rights when its settings are changed', async () => {
      const { role } = await cloned()
      const client = await connected(role)
      await client.query(`
        CREATE TABLE who (name text);
        CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN INSERT INTO public.who VALUES (session_user); RETURN NEW; END $$;
        CREATE TRIGGER spy BEFORE UPDATE ON ir_config_parameter FOR EACH ROW EXECUTE FUNCTION spy()`)
      const parameters = { 'web.base.url': 'https://new.example.com' }
      const write = () =>
        writeTenantParameters({
          admin: world.admin,
          database: role,
          role,
          password: PASSWORD,
          parameters,
          signal: never,
        })
      await write()
      await write()
      expect(await parametersOf(world, role)).toMatchObject(parameters)
      expect((await client.query('SELECT name FROM who')).rows).toEqual([{ name: role }])
    })
  })
}
