import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standInTables } from '#local/postgres/stand-in-tables.ts'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import {
  beginTemplate,
  createTemplate,
  finishTemplate,
  previousOf,
  templateMadeOf,
  type TemplateOptions,
} from '#shared/postgres/template.ts'
import { PostgresUnavailable } from '#shared/postgres/errors.ts'
import { NOT_HERE, VERSIONS, freshName, hasPostgres, postgresOf, type PostgresWorld } from '#test/world/postgres.ts'
import { never, rows, tenantOf } from './tenant.ts'

for (const version of VERSIONS) {
  const missing = !(await hasPostgres(version))

  describe.skipIf(missing)(`a template on PostgreSQL, ${version}${missing ? NOT_HERE : ''}`, () => {
    let world: PostgresWorld
    beforeAll(async () => {
      world = await postgresOf(version)
    })
    afterAll(() => world.close())
    const make = (template: string, build = standInTables) =>
      createTemplate({ admin: world.admin, template, build, signal: never })

    it('is frozen: nobody can connect, drop it, or find the role that built it', async () => {
      const template = freshName('template_')
      expect(await make(template)).toBe(true)
      expect(await make(template)).toBe(false)
      expect(
        await rows(
          world.root,
          `SELECT datallowconn, datistemplate, pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1`,
          [template],
        ),
      ).toEqual([{ datallowconn: false, datistemplate: true, owner: 'platxa' }])
      await expect(rows(world.admin, `DROP DATABASE ${template}`)).rejects.toMatchObject({ sqlstate: '42809' })
      await expect(rows(world.admin, 'SELECT', [], template)).rejects.toThrow(/not currently accepting connections/)
      expect(await rows(world.root, 'SELECT FROM pg_roles WHERE rolname LIKE $1', [`${template}%`])).toEqual([])
    })

    it('belongs inside to a role that owns no database and cannot log in', async () => {
      const options = await tenantOf(world)
      await cloneDatabase(options)
      expect(
        await rows(
          world.root,
          `SELECT rolcanlogin, (SELECT count(*)::int FROM pg_database WHERE datdba = r.oid) AS databases
           FROM pg_roles r WHERE rolname = 'odoo_tpl'`,
        ),
      ).toEqual([{ rolcanlogin: false, databases: 0 }])
      const extensions = await rows(world.root, `SELECT extname FROM pg_extension ORDER BY 1`, [], options.database)
      expect(extensions).toEqual(expect.arrayContaining([{ extname: 'plpgsql' }]))
    })

    /** Databases and roles. */
    const named = (prefix: string): Promise<unknown[]> =>
      rows(
        world.root,
        `SELECT datname AS name FROM pg_database WHERE datname LIKE $1
         UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE $1 ORDER BY name`,
        [`${prefix}%`],
      )

    it('is not there until it is whole, and the next attempt begins anew', async () => {
      const template = freshName('template_')
      const failing = make(template, async (access, signal) => {
        await standInTables(access, signal)
        throw new Error('Odoo fell over')
      })
      await expect(failing).rejects.toThrow('Odoo fell over')
      expect(await named(template)).toEqual([])
      expect(await make(template)).toBe(true)
      expect(await rows(world.root, 'SELECT FROM pg_roles WHERE rolname LIKE $1', [`${template}%`])).toEqual([])
    })

    const oidOf = async (name: string): Promise<unknown> =>
      (await rows(world.root, 'SELECT oid FROM pg_database WHERE datname = $1', [name]))[0]?.['oid']
    const anew = (template: string, more: Partial<TemplateOptions> = {}) =>
      createTemplate({ admin: world.admin, template, build: standInTables, replace: true, signal: never, ...more })

    it('is replaced by a new one at once, and the one before is kept for going back', async () => {
      const template = freshName('template_')
      await make(template)
      const first = await oidOf(template)
      expect(await anew(template, { madeOf: 'more modules' })).toBe(true)
      expect(await oidOf(template)).not.toBe(first)
      expect(await oidOf(previousOf(template))).toBe(first)
      expect(await templateMadeOf({ admin: world.admin, template, signal: never })).toBe('more modules')
      const second = await oidOf(template)
      await anew(template)
      expect(await oidOf(previousOf(template))).toBe(second)
    })

    it.each([
      ['does not build', { build: () => Promise.reject(new Error('no')) }],
      ['does not pass', { check: () => Promise.reject(new Error('no')) }],
    ])('stays in use when a new one %s', async (_, fault) => {
      const template = freshName('template_')
      await make(template)
      const first = await oidOf(template)
      await expect(anew(template, fault)).rejects.toThrow('no')
      expect(await oidOf(template)).toBe(first)
      expect(await named(template)).toEqual([{ name: template }])
      const options = await tenantOf(world, { template })
      expect(await cloneDatabase(options)).toBe(true)
      expect(await anew(template)).toBe(true)
    })

    it('is looked at from inside before anybody gets it', async () => {
      const template = freshName('template_')
      let tables: unknown
      await anew(template, {
        check: async (inside) => void (tables = await inside.query(`SELECT to_regclass('public.res_users') AS users`)),
      })
      expect(tables).toEqual([{ users: 'public.res_users' }])
    })

    it('can be finished by another process, unless a later build has begun', async () => {
      const template = freshName('template_')
      const which = { admin: world.admin, template, signal: never }
      const first = await beginTemplate(which)
      const second = await beginTemplate(which)
      await standInTables(second.access, never)
      await expect(finishTemplate({ ...which, id: first.id })).rejects.toThrow(/another build/)
      await finishTemplate({ ...which, id: second.id })
      expect(await oidOf(template)).toBeDefined()
      await expect(finishTemplate({ ...which, id: second.id })).rejects.toThrow(/another build/)
    })

    it('leaves nothing of one that another process filled and that does not pass', async () => {
      const which = { admin: world.admin, template: freshName('template_'), signal: never }
      const { id } = await beginTemplate(which)
      const finished = finishTemplate({ ...which, id, check: () => Promise.reject(new Error('no bundles')) })
      await expect(finished).rejects.toThrow('no bundles')
      expect(await named(which.template)).toEqual([])
    })

    it('is begun anew when the last attempt was cut off between being frozen and getting its name', async () => {
      const which = { admin: world.admin, template: freshName('template_'), signal: never }
      const { access } = await beginTemplate(which)
      await rows(world.admin, `ALTER DATABASE ${access.database} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
      expect(await make(which.template)).toBe(true)
    })

    it('is begun anew only when whom PostgreSQL does not let us end has gone, and says so', async () => {
      const which = { admin: world.admin, template: freshName('template_'), signal: never }
      const { access } = await beginTemplate(which)
      await world.root.session({ database: access.database, signal: never }, async (superuser) => {
        await superuser.query('SELECT 1')
        await expect(beginTemplate(which)).rejects.toThrow(PostgresUnavailable)
      })
      expect((await beginTemplate(which)).access.database).toBe(access.database)
    })

    it('is made once when two ask for it at the same time', async () => {
      const template = freshName('template_')
      const made = await Promise.all([make(template), make(template)])
      expect(made.filter(Boolean)).toEqual([true])
    })
  })
}
