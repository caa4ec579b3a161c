import { describe, expect, it } from 'vitest'
import { odooConf } from '#shared/instance/odoo-conf.ts'
import { platformOf, specOf } from './builders.ts'

function conf(spec: object = {}, platform: Record<string, string> = {}): Record<string, string> {
  const [head, ...lines] = odooConf(specOf({ ...spec }), platformOf(platform))
    .trimEnd()
    .split('\n')
  expect(head).toBe('[options]')
  return Object.fromEntries(lines.map((line) => line.split(/ = ?/, 2)))
}

describe('odoo.conf', () => {
  it('names the database, closes its manager and filters nothing', () => {
    expect(conf({ name: 'my-shop' })).toMatchObject({
      db_name: 'odoo_my_shop',
      dbfilter: '',
      list_db: 'False',
      admin_passwd: '',
      proxy_mode: 'True',
    })
  })

  it.each([
    ['free', 0, 1, '60/120/300', 16],
    ['pro', 2, 1, '120/240/600', 8],
    ['team', 5, 1, '300/600/1200', 8],
    ['enterprise', 9, 2, '600/1200/1800', 8],
  ] as const)(
    '%s has %i workers, %i cron threads, limits %s and %i connections',
    (tier, workers, crons, times, pool) => {
      const lines = conf({ tier })
      expect(lines).toMatchObject({
        workers: `${workers}`,
        max_cron_threads: `${crons}`,
        limit_request: '8192',
        db_maxconn: `${pool}`,
      })
      expect(`${lines['limit_time_cpu']}/${lines['limit_time_real']}/${lines['limit_time_real_cron']}`).toBe(times)
    },
  )

  it('counts virtual memory the same in all tiers, because PDF printing breaks below 1.5 GB', () => {
    for (const tier of ['free', 'pro', 'team', 'enterprise']) {
      expect(conf({ tier })).toMatchObject({ limit_memory_soft: '2147483648', limit_memory_hard: '2684354560' })
    }
  })

  it('follows the policy of the platform', () => {
    expect(conf({ tier: 'free' }, { WORKERS_POLICY: 'published' })['workers']).toBe('2')
  })

  it.each([
    ['14', { longpolling_port: '8072', without_demo: 'all', server_wide_modules: 'base,web' }],
    ['15', { longpolling_port: '8072', without_demo: 'all', server_wide_modules: 'base,web' }],
    ['16', { gevent_port: '8072', without_demo: 'all', server_wide_modules: 'base,web' }],
    ['17', { gevent_port: '8072', db_maxconn_gevent: '16', server_wide_modules: 'base,web' }],
    ['18', { gevent_port: '8072', db_maxconn_gevent: '16', limit_memory_soft_gevent: '1610612736' }],
    ['19', { gevent_port: '8072', limit_memory_hard_gevent: '2147483648', with_demo: 'False' }],
    ['19', { server_wide_modules: 'base,rpc,web' }],
  ] as const)('of series %s says %o', (odooVersion, lines) => {
    expect(conf({ odooVersion })).toMatchObject(lines)
  })

  it.each([
    ['14', ['gevent_port', 'db_maxconn_gevent', 'limit_memory_soft_gevent', 'with_demo']],
    ['16', ['longpolling_port', 'db_maxconn_gevent', 'limit_memory_soft_gevent', 'with_demo']],
    ['17', ['longpolling_port', 'limit_memory_soft_gevent', 'limit_memory_hard_gevent', 'with_demo']],
    ['19', ['longpolling_port', 'without_demo']],
  ] as const)('of series %s does not say what that series does not know: %o', (odooVersion, keys) => {
    for (const key of keys) expect(conf({ odooVersion })).not.toHaveProperty(key)
  })

  it('has no line for a gevent process that a threaded Odoo does not have', () => {
    const lines = Object.keys(conf({ tier: 'free' }))
    expect(lines.filter((key) => key.endsWith('_gevent'))).toEqual([])
  })

  it('asks for TLS to PostgreSQL, except of the pooler inside its own pod', () => {
    expect(conf({}, { POOLER: 'off', PGSSLMODE: 'verify-full' })['db_sslmode']).toBe('verify-full')
    expect(conf({}, { POOLER: 'on', PGSSLMODE: 'verify-full' })['db_sslmode']).toBe('disable')
  })

  it('has no line twice', () => {
    const keys = odooConf(specOf(), platformOf()).match(/^\w+(?= =)/gm) ?? []
    expect(new Set(keys).size).toBe(keys.length)
  })
})
