import { describe, expect, it } from 'vitest'

import { parseConf, readSettings, SettingsError } from '#local/odoo/settings.ts'

const secret = { PGHOST: '127.0.0.9', PGPORT: '6543', PGUSER: 'odoo_demo', PGPASSWORD: 'secret', HOST: '127.77.0.5' }
const read = (conf: string, env: Record<string, string> = secret) => readSettings(parseConf(conf), env, '/pod')

describe('odoo.conf', () => {
  it.each([
    ['an option', '[options]\ndb_name = odoo_demo', [['db_name', 'odoo_demo']]],
    ['a value with an equals sign', '[options]\ndbfilter = ^a=b$', [['dbfilter', '^a=b$']]],
    ['an empty value', '[options]\ndbfilter =', [['dbfilter', '']]],
    ['comments and empty lines', '# one\n[options]\n; two\n\nworkers = 2', [['workers', '2']]],
    ['only its own section', '[queue]\nworkers = 9\n[options]\nworkers = 2', [['workers', '2']]],
    ['nothing outside a section', 'workers = 2', []],
  ])('is read: %s', (_what, conf, expected) => {
    expect([...parseConf(conf)]).toEqual(expected)
  })
})

describe('settings of the stand-in', () => {
  it('takes the database from odoo.conf and the way to it from the environment, as Odoo 19 does', () => {
    const settings = read('[options]\ndb_name = odoo_demo\nworkers = 2\nhttp_port = 8169\ngevent_port = 8172\n')
    expect(settings).toMatchObject({
      database: 'odoo_demo',
      postgres: { host: '127.0.0.9', port: 6543, user: 'odoo_demo', password: 'secret', ssl: false },
      host: '127.77.0.5',
      workers: 2,
      httpPort: 8169,
      geventPort: 8172,
    })
  })

  it('has the ports and times of Odoo when nothing is said', () => {
    expect(read('[options]\ndb_name = odoo_demo')).toMatchObject({
      workers: 0,
      httpPort: 8069,
      geventPort: 8072,
      startMs: 2000,
      stopMs: 1000,
      closeAnswerMs: 15_000,
    })
  })

  it('keeps data_dir inside the folder of the pod', () => {
    expect(read('[options]\ndb_name = a\ndata_dir = /var/lib/odoo').dataDir).toBe('/pod/var/lib/odoo')
  })

  it.each([
    ['require', true],
    ['verify-full', true],
    ['prefer', false],
    ['disable', false],
  ])('with PGSSLMODE=%s encryption is %s', (mode, ssl) => {
    expect(read('[options]\ndb_name = a', { ...secret, PGSSLMODE: mode }).postgres.ssl).toBe(ssl)
  })

  it.each([
    ['no database', '[options]\ndb_name = False', /db_name is missing/],
    [
      'workers that are no number',
      '[options]\ndb_name = a\nworkers = two',
      /workers must be a whole number, not "two"/,
    ],
  ])('refuses %s and names it', (_what, conf, message) => {
    expect(() => read(conf)).toThrow(message)
    expect(() => read(conf)).toThrow(SettingsError)
  })
})
