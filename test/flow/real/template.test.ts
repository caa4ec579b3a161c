// A new template by a real Odoo that cannot be made, while instances are cloned from the one in use.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeEvent } from '#shared/events/emit.ts'
import { createPublisher } from '#shared/events/publish.ts'
import { silentLog } from '#test/world/postgres.ts'
import { databaseUrl, instanceOf, query } from './instance.ts'
import { noOdoo } from './obtainable.ts'
import { type RealWorld, realWorld } from './world.ts'

describe.skipIf(noOdoo !== undefined)(`a template of a real Odoo${noOdoo ?? ''}`, () => {
  let real: RealWorld
  beforeAll(async () => {
    real = await realWorld('10m')
  })
  afterAll(() => real?.[Symbol.asyncDispose]())

  const ask = async (text: string): Promise<unknown[]> => query(await databaseUrl(real.world, 'postgres'), text)
  const databases = (): Promise<unknown[]> =>
    ask('SELECT oid, datname, datallowconn, datistemplate, pg_get_userbyid(datdba) FROM pg_database ORDER BY oid')
  const roles = (): Promise<unknown[]> => ask('SELECT oid, rolname, rolcanlogin FROM pg_roles ORDER BY oid')

  it.each([
    ['a module that no Odoo has', 'not_there', 'the new template is not used: module not_there is unknown\n'],
    // Debian's Odoo comes without it; one of ODOO_BIN may not.
    [
      'a module whose Python library is missing',
      'auth_ldap',
      '(255): odoo.exceptions.UserError: Unable to install module "auth_ldap" because an external dependency is not met: python-ldap\n',
    ],
  ])('stays in use, and nothing is left of the new one, when that is to have %s', async (_, modules, cause) => {
    const before = [await databases(), await roles()]
    const { code, output } = await real.world.template('--modules', modules)
    expect(output).toContain(cause)
    expect(code).toBe(1)
    expect([await databases(), await roles()]).toEqual(before)
  })

  it('is what an instance that is requested then is cloned from', async () => {
    const { broker } = await real.world.file()
    const event = makeEvent({
      type: 'io.platxa.instance.requested.v1',
      source: '//test.example',
      id: 'office-1-requested',
      data: {
        name: 'office',
        revision: 1,
        ownerId: 'local',
        tier: 'free',
        odooVersion: '19',
        hosts: ['office.localhost'],
      },
    })
    await createPublisher({ sink: broker, log: silentLog }).publish(event, { signal: AbortSignal.timeout(120_000) })
    const office = await instanceOf(real.world, 'office')
    expect(await office.call('res.users', 'search_read', [[['login', '=', office.login]], ['active']])).toEqual([
      { id: 2, active: true },
    ])
  })
})
