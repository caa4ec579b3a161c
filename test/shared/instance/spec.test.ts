import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { platformVariables } from '#shared/instance/platform.ts'
import { namespace } from '#shared/instance/namespace.ts'
import { databaseOf, instanceOfNamespace, namespaceOf, templateOf } from '#shared/instance/names.ts'
import { customHostsOf, hostsOf, instanceSpec, readRevision, readSpec, urlOf } from '#shared/instance/spec.ts'
import { anyName, anySpec, plain, platformOf, settings, specOf } from './builders.ts'

describe('the spec of an instance', () => {
  it('fills in what the event leaves out', () => {
    expect(specOf()).toMatchObject({
      status: 'active',
      template: 'template_odoo_19',
      adminLogin: 'admin',
      route: 'waking',
      revisions: { requested: 7, tier: 7, status: 0 },
    })
    expect(specOf({ template: 'template_shop' }).template).toBe('template_shop')
  })

  it.each([
    ['a name of 55 characters', { name: 'a'.repeat(55) }],
    ['a name with capitals', { name: 'Shop' }],
    ['a name with an underscore', { name: 'my_shop' }],
    ['a name that ends in a hyphen', { name: 'shop-' }],
    ['no name', { name: '' }],
    ['a tier that is not sold', { tier: 'gold' }],
    ['a series that has no facts', { odooVersion: '13' }],
    ['a wildcard host', { hosts: ['*.example.org'] }],
    ['no host', { hosts: [] }],
    ['a revision below zero', { revision: -1 }],
  ])('refuses %s', (_, changes) => {
    expect(instanceSpec.safeParse({ ...plain, ...changes }).success).toBe(false)
  })

  it('comes back from its namespace as it went in', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        expect(readSpec(namespace(spec))).toEqual(spec)
        expect(readRevision(namespace(spec))).toBe(spec.revision)
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    ['nothing', undefined],
    ['no JSON', '{'],
    ['another shape', '{"name":1}'],
    ['null', 'null'],
  ])('is undefined when the namespace bears %s', (_, text) => {
    expect(
      readSpec({ metadata: { annotations: text === undefined ? {} : { 'platxa.io/spec': text } } }),
    ).toBeUndefined()
  })

  it.each([
    ['12', 12],
    ['0', 0],
    ['-1', undefined],
    ['x', undefined],
    ['', undefined],
  ])('reads the revision "%s" as %s', (text, revision) => {
    expect(readRevision({ metadata: { annotations: { 'platxa.io/revision': text } } })).toBe(revision)
  })
})

describe('hosts', () => {
  it('are those asked for and always the one of the platform', () => {
    expect(hostsOf(specOf({ hosts: ['erp.example.org'] }), platformOf())).toEqual([
      'erp.example.org',
      'shop.platxa.com',
    ])
    expect(hostsOf(specOf({ hosts: ['shop.platxa.com'] }), platformOf())).toEqual(['shop.platxa.com'])
  })

  it('are custom where the wildcard certificate does not reach', () => {
    const hosts = ['shop.platxa.com', 'erp.example.org', 'a.b.platxa.com', 'platxa.com', 'evilplatxa.com']
    expect(customHostsOf(specOf({ hosts }), platformOf())).toEqual([
      'erp.example.org',
      'a.b.platxa.com',
      'platxa.com',
      'evilplatxa.com',
    ])
  })

  it('give the public address by their first', () => {
    const spec = specOf({ hosts: ['erp.example.org'] })
    expect(urlOf(spec, platformOf())).toBe('https://erp.example.org')
    expect(urlOf(spec, platformOf({ PUBLIC_URL: 'http://{host}:8080' }))).toBe('http://erp.example.org:8080')
  })
})

describe('names', () => {
  it('fit: a namespace has at most 63 characters, a database at most 63 bytes', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(namespaceOf(name).length).toBeLessThanOrEqual(63)
        expect(new TextEncoder().encode(databaseOf(name)).length).toBeLessThanOrEqual(63)
        expect(databaseOf(name)).toMatch(/^odoo_[a-z0-9_]+$/)
        expect(instanceOfNamespace(namespaceOf(name))).toBe(name)
      }),
    )
  })

  it('of two instances never meet in one database', () => {
    fc.assert(
      fc.property(anyName, anyName, (one, other) => {
        fc.pre(one !== other)
        expect(databaseOf(one)).not.toBe(databaseOf(other))
      }),
    )
  })

  it.each([
    ['instance-shop', 'shop'],
    ['instance-', undefined],
    ['default', undefined],
    ['my-instance-shop', undefined],
  ])('of the namespace %s is %s', (namespace, name) => {
    expect(instanceOfNamespace(namespace)).toBe(name)
  })

  it('of a template follow the series', () => {
    expect(templateOf('18')).toBe('template_odoo_18')
  })
})

describe('settings of the platform', () => {
  it('take empty values as not set', () => {
    const platform = platformOf({ STORAGE_CLASS: '', POSTGRES_CA: '', CUSTOM_HOSTS_ISSUER: '', POSTGRES_CIDRS: '' })
    expect(platform.storageClass).toBeUndefined()
    expect(platform.postgres.rootCertificate).toBeUndefined()
    expect(platform.ingress.customHostsIssuer).toBeUndefined()
    expect(platform.postgres.peer).toHaveProperty('namespace', 'postgres-system')
  })

  it('prefer networks over pods for PostgreSQL', () => {
    expect(platformOf({ POSTGRES_CIDRS: '10.1.0.0/16, 10.2.0.1/32' }).postgres.peer).toEqual({
      cidrs: ['10.1.0.0/16', '10.2.0.1/32'],
    })
  })

  it.each([
    ['POOLER', 'maybe'],
    ['PGPORT', '0'],
    ['PGPORT', 'x'],
    ['PGSSLMODE', 'on'],
    ['WORKERS_POLICY', 'seed'],
    ['PUBLIC_URL', 'https://platxa.com'],
    ['POSTGRES_POD_LABELS', 'postgres'],
    ['BASE_DOMAIN', ''],
  ])('refuse %s=%s', (variable, value) => {
    expect(platformVariables.safeParse({ ...settings, [variable]: value }).success).toBe(false)
  })
})
