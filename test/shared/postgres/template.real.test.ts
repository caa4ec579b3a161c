import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standInTables } from '#local/postgres/stand-in-tables.ts'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import { createTemplate } from '#shared/postgres/template.ts'
import { VERSIONS, freshName, hasPostgres, postgresOf, type PostgresWorld } from '#test/world/postgres.ts'
import { never, rows, tenantOf } from './tenant.ts'

for (const version of VERSIONS) {
  const missing = !(await hasPostgres(version))

  describe.skipIf(missing)(`a template on PostgreSQL, ${version}`, () => {
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

    it('is not there until it is whole, and the next attempt begins anew', async () => {
      const template = freshName('template_')
      const failing = make(template, async (access, signal) => {
        await standInTables(access, signal)
        throw new Error('Odoo fell over')
      })
      await expect(failing).rejects.toThrow('Odoo fell over')
      expect(await rows(world.root, 'SELECT FROM pg_database WHERE datname = $1', [template])).toEqual([])
      expect(await make(template)).toBe(true)
      expect(await rows(world.root, 'SELECT FROM pg_roles WHERE rolname LIKE $1', [`${template}%`])).toEqual([])
    })

    it('is made once when two ask for it at the same time', async () => {
      const template = freshName('template_')
      const made = await Promise.all([make(template), make(template)])
      expect(made.filter(Boolean)).toEqual([true])
    })
  })
}
