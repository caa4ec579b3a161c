import { describe, expect, it } from 'vitest'
import { pgbouncerIni, userlist } from '#shared/instance/pooler.ts'
import { platformOf, specOf } from './builders.ts'

describe('pgbouncer.ini', () => {
  it('leads the name postgres to the tenant’s own database', () => {
    const lines = pgbouncerIni(specOf({ name: 'my-shop' }), platformOf({ PGHOST: 'pg', PGPORT: '5433' })).split('\n')
    expect(lines.slice(0, 3)).toEqual([
      '[databases]',
      'odoo_my_shop = host=pg port=5433 dbname=odoo_my_shop',
      'postgres = host=pg port=5433 dbname=odoo_my_shop',
    ])
  })

  it.each([
    ['keeps LISTEN alive', 'pool_mode = session'],
    ['is reachable from its own pod only', 'listen_addr = 127.0.0.1'],
    ['opens no socket file', 'unix_socket_dir ='],
    ['wants the tenant’s password', 'auth_type = scram-sha-256'],
    ['speaks to PostgreSQL as the platform says', 'server_tls_sslmode = require'],
    ['lets as many in as the tier may open', 'max_client_conn = 48'],
  ])('%s: %s', (_, line) => {
    expect(pgbouncerIni(specOf(), platformOf()).split('\n')).toContain(line)
  })

  it('checks the certificate where an authority is given', () => {
    const platform = platformOf({ PGSSLMODE: 'verify-full', POSTGRES_CA: 'PEM' })
    expect(pgbouncerIni(specOf(), platform)).toContain('server_tls_ca_file = /etc/pgbouncer/postgres-ca.crt')
    expect(pgbouncerIni(specOf(), platformOf())).not.toContain('server_tls_ca_file')
  })
})

describe('userlist.txt', () => {
  it.each([
    ['plain', 'abc', '"odoo_shop" "abc"\n'],
    ['with quotes', 'a"b', '"odoo_shop" "a""b"\n'],
  ])('holds a password %s', (_, password, text) => {
    expect(userlist('odoo_shop', password)).toBe(text)
  })
})
