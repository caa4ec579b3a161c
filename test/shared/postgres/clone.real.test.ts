import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standInTables } from '#local/postgres/stand-in-tables.ts'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import { connectPostgres } from '#shared/postgres/connect.ts'
import { NotOurs, PostgresUnavailable, TemplateMissing } from '#shared/postgres/errors.ts'
import { allowMaintenance } from '#shared/postgres/roles.ts'
import { surveyTenant } from '#shared/postgres/survey.ts'
import { createTemplate, type TemplateOptions } from '#shared/postgres/template.ts'
import {
  NOT_HERE,
  VERSIONS,
  freshName,
  hasPostgres,
  ownPostgres,
  postgresOf,
  type PostgresWorld,
} from '#test/world/postgres.ts'
import { cutAdmin } from '#test/world/postgres-faults.ts'
import { never, parametersOf, PASSWORD, rows, stateOf, tenantOf } from './tenant.ts'

for (const version of VERSIONS) {
  const missing = !(await hasPostgres(version))

  describe.skipIf(missing)(`a clone on PostgreSQL, ${version}${missing ? NOT_HERE : ''}`, () => {
    let world: PostgresWorld
    beforeAll(async () => {
      world = await postgresOf(version)
    })
    afterAll(() => world.close())

    it('gives the tenant its own database and everything in it', async () => {
      const options = await tenantOf(world)
      expect(await cloneDatabase(options)).toBe(true)
      expect(await stateOf(world, options.role)).toMatchObject({
        role: [{ rolcanlogin: true, rolcreatedb: false, rolconnlimit: 20, members: ['platxa'], in_postgres: false }],
        database: [{ owner: 'platxa', datallowconn: true, datistemplate: false, datconnlimit: 25 }],
        schema: [{ owner: 'TENANT', acl: '{TENANT=UC/TENANT}' }],
        parameters: { 'web.base.url': 'https://TENANT.example.com', 'mail.catchall.domain': 'example.com' },
      })
      const owners = await rows(
        world.root,
        `SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace`,
        [],
        options.database,
      )
      expect(owners).toEqual([{ owner: options.role }])
    })

    it('does not use up the locks of the server when many of hundreds of tables are asked for at once', async () => {
      const template = freshName('template_')
      const build: TemplateOptions['build'] = async (access, signal) => {
        await standInTables(access, signal)
        const { host, port, user, password, database } = access
        const builder = connectPostgres({ host, port, user, password, sslmode: 'disable' })
        await builder.session({ database, signal }, (session) =>
          session.query(`DO $$ BEGIN FOR i IN 1..2000 LOOP
            EXECUTE format('CREATE TABLE public.wide_%s (id integer PRIMARY KEY, name varchar)', i); COMMIT; END LOOP; END $$`),
        )
      }
      await createTemplate({ admin: world.admin, template, build, signal: never })
      const clones = await Promise.all(Array.from({ length: 16 }, () => tenantOf(world, { template })))
      expect(await Promise.all(clones.map((clone) => cloneDatabase(clone)))).toEqual(clones.map(() => true))
    })

    it('changes nothing when it is asked for again', async () => {
      const options = await tenantOf(world)
      await cloneDatabase(options)
      const [state, parameters] = [await stateOf(world, options.role), await parametersOf(world, options.role)]
      expect(await cloneDatabase(options)).toBe(false)
      expect(await stateOf(world, options.role)).toEqual(state)
      expect(await parametersOf(world, options.role)).toEqual(parameters)
    })

    it('has a uuid, a secret and an admin that no other clone has', async () => {
      const [one, two] = [await tenantOf(world), await tenantOf(world)]
      await cloneDatabase(one)
      await cloneDatabase(two)
      const [first, second] = [await parametersOf(world, one.role), await parametersOf(world, two.role)]
      for (const key of ['database.uuid', 'database.secret']) {
        expect(first[key]).toMatch(/^[0-9a-f-]{36}$/)
        expect(first[key]).not.toBe(second[key])
      }
      const users = await rows(world.root, 'SELECT login, password FROM public.res_users ORDER BY id', [], one.database)
      expect(users).toEqual([
        { login: '__system__', password: null },
        { login: 'owner@example.com', password: expect.stringMatching(/^\$pbkdf2-sha512\$25000\$/) },
      ])
    })

    it('leaves the server no clear password, only the verifier we computed', async () => {
      const options = await tenantOf(world)
      await cloneDatabase(options)
      const [stored] = await rows(world.root, 'SELECT rolpassword FROM pg_authid WHERE rolname = $1', [options.role])
      expect(stored).toEqual({ rolpassword: options.verifier })
      const login = world.tenant(options.role, PASSWORD)
      expect(await rows(login, 'SELECT 1 AS works', [], options.database)).toEqual([{ works: 1 }])
    })

    it('lets the tenant change its own tables and nothing beyond', async () => {
      const [mine, other] = [await tenantOf(world), await tenantOf(world)]
      await cloneDatabase(mine)
      await cloneDatabase(other)
      const tenant = world.tenant(mine.role, PASSWORD)
      const at = (text: string, database?: string) => rows(tenant, text, [], database)
      await at('ALTER TABLE public.res_partner ADD COLUMN phone varchar', mine.database)
      await at('CREATE TABLE public.mine (); CREATE SCHEMA also_mine', mine.database)
      await expect(at('SELECT', other.database)).rejects.toMatchObject({ sqlstate: '42501' })
      await expect(at('SELECT', world.template)).rejects.toThrow(
        /not currently accepting connections|permission denied/,
      )
      await expect(at('SELECT', 'postgres')).rejects.toMatchObject({ sqlstate: '42501' })
      await expect(at('SELECT', 'template1')).rejects.toMatchObject({ sqlstate: '42501' })
      await expect(at(`CREATE DATABASE ${freshName()}`, mine.database)).rejects.toMatchObject({ sqlstate: '42501' })
      await expect(at('DROP DATABASE postgres', mine.database)).rejects.toMatchObject({ sqlstate: '42501' })
      await expect(at(`CREATE ROLE ${freshName()}`, mine.database)).rejects.toMatchObject({ sqlstate: '42501' })
      await expect(at(`SET ROLE platxa`, mine.database)).rejects.toMatchObject({ sqlstate: '42501' })
    })

    it('lets the tenant into the database postgres where it has no pooler, and gives it nothing there', async () => {
      const options = await tenantOf(world, { pooler: false })
      await cloneDatabase(options)
      const tenant = world.tenant(options.role, PASSWORD)
      await rows(tenant, 'LISTEN imbus')
      await expect(rows(tenant, 'CREATE TABLE public.mine ()')).rejects.toMatchObject({ sqlstate: '42501' })
      await expect(rows(tenant, 'CREATE TEMPORARY TABLE mine ()')).rejects.toMatchObject({ sqlstate: '42501' })
      await cloneDatabase({ ...options, pooler: true })
      await expect(rows(tenant, 'SELECT')).rejects.toMatchObject({ sqlstate: '42501' })
    })

    it('is finished by the next run, wherever the connection was cut', async () => {
      const whole = await tenantOf(world, { pooler: false })
      const counting = cutAdmin(world.admin, world.root)
      await cloneDatabase({ ...whole, admin: counting })
      const expected = await stateOf(world, whole.role)
      expect(counting.statements()).toBeGreaterThan(20)
      const cutAndResumed = async (cut: number): Promise<void> => {
        const options = await tenantOf(world, { pooler: false })
        const cutShort = cloneDatabase({ ...options, admin: cutAdmin(world.admin, world.root, cut) })
        await cutShort.catch((error: unknown) => expect(error, `cut ${cut}`).toBeInstanceOf(PostgresUnavailable))
        await cloneDatabase(options)
        expect(await stateOf(world, options.role), `cut ${cut}`).toEqual(expected)
      }
      const cuts = Array.from({ length: counting.statements() - 1 }, (_, index) => index + 1)
      while (cuts.length > 0) await Promise.all(cuts.splice(0, 4).map(cutAndResumed))
    })

    it('is one clone when it is asked for three times at once, and six when for six', async () => {
      const same = await tenantOf(world)
      const made = await Promise.all([1, 2, 3].map(() => cloneDatabase(same)))
      expect(made.filter(Boolean)).toEqual([true])
      const six = await Promise.all(Array.from({ length: 6 }, () => tenantOf(world, { pooler: false })))
      expect(await Promise.all(six.map((options) => cloneDatabase(options)))).toEqual(six.map(() => true))
      const states = await Promise.all(six.map(({ role }) => stateOf(world, role)))
      for (const state of states) expect(state).toEqual(states[0])
    })

    it('gives many roles the way into the database postgres at once', async () => {
      const roles = Array.from({ length: 20 }, () => freshName('odoo_'))
      await rows(world.admin, roles.map((role) => `CREATE ROLE ${role}`).join(';'))
      const allow = (role: string) =>
        world.admin.session({ signal: never }, (session) => allowMaintenance(session, role, true))
      await Promise.all(roles.map(allow))
      const [found] = await rows<{ acl: string }>(
        world.root,
        `SELECT datacl::text AS acl FROM pg_database WHERE datname = 'postgres'`,
      )
      expect(roles.filter((role) => !found?.acl.includes(`${role}=c/platxa`))).toEqual([])
    })

    it('names a template that does not exist, and leaves nothing behind', async () => {
      const options = await tenantOf(world, { template: 'template_odoo_99' })
      await expect(cloneDatabase(options)).rejects.toThrow(new TemplateMissing('template_odoo_99'))
      const survey = world.admin.session({ signal: never }, (session) => surveyTenant(session, options))
      expect(await survey).toMatchObject({
        templateExists: false,
        clone: undefined,
      })
      expect(await rows(world.root, 'SELECT FROM pg_roles WHERE rolname = $1', [options.role])).toEqual([])
    })

    it('waits for a template that is still being made', async () => {
      const template = freshName('template_')
      await rows(world.admin, `CREATE DATABASE ${template}`)
      await expect(cloneDatabase(await tenantOf(world, { template }))).rejects.toThrow(PostgresUnavailable)
    })

    it('begins anew where an unfinished one came from another template or was half dropped', async () => {
      const options = await tenantOf(world)
      await rows(world.admin, `CREATE DATABASE ${options.database}`)
      await cloneDatabase(options)
      expect(await parametersOf(world, options.database)).toHaveProperty(['database.uuid'])
      const broken = await tenantOf(world)
      await rows(world.admin, `CREATE DATABASE ${broken.database}`)
      await rows(world.root, 'UPDATE pg_database SET datconnlimit = -2 WHERE datname = $1', [broken.database])
      expect(await cloneDatabase(broken)).toBe(true)
    })

    it('never touches what provisioning did not make', async () => {
      const [foreign, used, elevated] = [await tenantOf(world), await tenantOf(world), await tenantOf(world)]
      await rows(world.root, `CREATE DATABASE ${foreign.database}`)
      await expect(cloneDatabase(foreign)).rejects.toThrow(NotOurs)
      await rows(world.admin, `CREATE DATABASE ${used.database}`)
      await rows(world.admin, `GRANT CONNECT ON DATABASE ${used.database} TO odoo_tpl`)
      await expect(cloneDatabase(used)).rejects.toThrow(/is in use by another role/)
      await rows(world.root, `CREATE ROLE ${elevated.role} CREATEROLE`)
      await expect(cloneDatabase(elevated)).rejects.toThrow(NotOurs)
    })

    it('never gives a later instance what an earlier one of its name left', async () => {
      const options = await tenantOf(world)
      await cloneDatabase(options)
      await expect(cloneDatabase({ ...options, uid: 'uid-2' })).rejects.toThrow(/is that of an earlier instance/)
      const unfinished = await tenantOf(world)
      await cloneDatabase({ ...unfinished, admin: cutAdmin(world.admin, world.root, 12) }).catch(() => {})
      expect(await cloneDatabase({ ...unfinished, uid: 'uid-2' })).toBe(true)
    })

    it('leaves a suspended tenant locked out', async () => {
      const options = await tenantOf(world)
      await cloneDatabase(options)
      await rows(world.admin, `ALTER ROLE ${options.role} NOLOGIN`)
      await cloneDatabase(options)
      const login = world.tenant(options.role, PASSWORD)
      await expect(rows(login, 'SELECT', [], options.database)).rejects.toMatchObject({ sqlstate: '28000' })
    })
  })
}

describe('a template owner that owns a database', () => {
  let world: PostgresWorld
  beforeAll(async () => {
    world = await ownPostgres()
  })
  afterAll(() => world.close())

  it('stops the clone, which would take that database along', async () => {
    await rows(world.root, 'CREATE DATABASE precious OWNER odoo_tpl')
    await expect(cloneDatabase(await tenantOf(world))).rejects.toThrow(/must own no database.*precious/)
  })
})
