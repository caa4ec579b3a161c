import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instanceObjects } from '#shared/instance/objects.ts'
import { odooConf } from '#shared/instance/odoo-conf.ts'
import { readSecrets, secret } from '#shared/instance/secret.ts'
import { service } from '#shared/instance/service.ts'
import { anyPlatform, anySpec, platformOf, secrets, specOf } from './builders.ts'

const some = { numRuns: 100 }

describe('the objects of an instance', () => {
  it('come in the order in which they must be applied', () => {
    const names = instanceObjects(specOf(), platformOf(), secrets).map(
      ({ kind, metadata }) => `${kind} ${metadata.name}`,
    )
    expect(names).toEqual([
      'Namespace instance-shop',
      'RoleBinding platxa-tenant-admin',
      'RoleBinding platxa-scale',
      'RoleBinding platxa-observe',
      'ResourceQuota instance-quota',
      'LimitRange instance-limits',
      'NetworkPolicy default-deny-all',
      'NetworkPolicy odoo-instance-policy',
      'Secret odoo-secrets',
      'ConfigMap odoo-config',
      'PersistentVolumeClaim odoo-addons',
      'PersistentVolumeClaim odoo-filestore',
      'Service odoo-shop',
      'Service waking-service',
      'Deployment odoo-shop',
      'Ingress odoo',
    ])
  })

  it('let in three functions to scale, sleep to look, three to administer, and nobody else', () => {
    const bindings = instanceObjects(specOf(), platformOf(), secrets).filter(({ kind }) => kind === 'RoleBinding')
    expect(bindings).toMatchObject([
      {
        roleRef: { kind: 'ClusterRole', name: 'platxa-tenant-admin' },
        subjects: ['provision', 'change-tier', 'change-status'].map((name) => ({
          kind: 'ServiceAccount',
          namespace: 'platxa',
          name,
        })),
      },
      {
        roleRef: { kind: 'ClusterRole', name: 'platxa-scale' },
        subjects: [
          { kind: 'ServiceAccount', namespace: 'traefik-system', name: 'wake' },
          { kind: 'ServiceAccount', namespace: 'platxa', name: 'sleep' },
          { kind: 'ServiceAccount', namespace: 'platxa', name: 'remove' },
        ],
      },
      {
        roleRef: { kind: 'ClusterRole', name: 'platxa-observe' },
        subjects: [{ kind: 'ServiceAccount', namespace: 'platxa', name: 'sleep' }],
      },
    ])
  })

  it('live behind Pod Security', () => {
    const [namespace] = instanceObjects(specOf(), platformOf(), secrets)
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' })
  })

  it('are the same bytes for the same input', () => {
    fc.assert(
      fc.property(anySpec, anyPlatform, (spec, platform) => {
        const once = JSON.stringify(instanceObjects(spec, platform, secrets))
        expect(JSON.stringify(instanceObjects(structuredClone(spec), structuredClone(platform), secrets))).toBe(once)
      }),
      some,
    )
  })

  it('all have labels, a namespace, and names that fit', () => {
    fc.assert(
      fc.property(anySpec, anyPlatform, (spec, platform) => {
        const objects = instanceObjects(spec, platform, secrets)
        for (const { kind, metadata } of objects) {
          expect(metadata.name).toMatch(/^[-a-z0-9]{1,63}$/)
          expect(metadata.namespace).toBe(kind === 'Namespace' ? undefined : `instance-${spec.name}`)
          expect(metadata.labels).toMatchObject({
            'app.kubernetes.io/name': 'odoo',
            'app.kubernetes.io/instance': spec.name,
            'app.kubernetes.io/managed-by': 'platxa-functions',
            'app.kubernetes.io/part-of': 'platxa',
            'platxa.io/tier': 'instance',
            // Whoever changes these two may not write bindings.
            ...(kind !== 'RoleBinding' && { 'platxa.io/resource-tier': spec.tier, 'platxa.io/status': spec.status }),
          })
        }
        const identities = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
        expect(new Set(identities).size).toBe(identities.length)
      }),
      some,
    )
  })

  it('have secrets in the Secret alone', () => {
    fc.assert(
      fc.property(anySpec, anyPlatform, (spec, platform) => {
        const others = instanceObjects(spec, platform, secrets).filter(({ kind }) => kind !== 'Secret')
        expect(JSON.stringify(others)).not.toMatch(/SECRET/)
      }),
      some,
    )
  })

  it('keep WebSocket on a port that something listens on', () => {
    fc.assert(
      fc.property(anySpec, anyPlatform, (spec, platform) => {
        const workers = /^workers = (\d+)$/m.exec(odooConf(spec, platform))?.[1]
        const [, websocket] = service(spec, platform).spec?.ports ?? []
        expect(websocket).toMatchObject({ port: 8072, targetPort: workers === '0' ? 8069 : 8072 })
      }),
      some,
    )
  })

  it('never have undefined in them, which server-side apply would not forgive', () => {
    fc.assert(
      fc.property(anySpec, anyPlatform, (spec, platform) => {
        const objects = instanceObjects(spec, platform, secrets)
        expect(objects).toStrictEqual(JSON.parse(JSON.stringify(objects)))
      }),
      some,
    )
  })
})

describe('the Secret', () => {
  it('holds the way to the database and the first login', () => {
    expect(secret(specOf({ name: 'my-shop', adminLogin: 'me@example.org' }), platformOf(), secrets).stringData).toEqual(
      {
        PGHOST: 'postgres.postgres-system.svc.cluster.local',
        PGPORT: '5432',
        PGUSER: 'odoo_my_shop',
        PGPASSWORD: 'pg-SECRET-1',
        PGDATABASE: 'odoo_my_shop',
        ADMIN_LOGIN: 'me@example.org',
        ADMIN_PASSWORD: 'admin-SECRET-2',
        'userlist.txt': '"odoo_my_shop" "pg-SECRET-1"\n',
      },
    )
  })

  it('has no password file where nobody pools', () => {
    expect(secret(specOf(), platformOf({ POOLER: 'off' }), secrets).stringData).not.toHaveProperty('userlist.txt')
  })

  it('keeps what it once decided', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.integer({ min: 1, max: 99 }),
        (one, two, n) => {
          const made = secret(specOf(), platformOf(), { password: one, adminPassword: two, version: n })
          const data = Object.entries(made.stringData ?? {}).map(([key, text]) => [
            key,
            Buffer.from(text, 'utf8').toString('base64'),
          ])
          const read = readSecrets({ metadata: made.metadata, data: Object.fromEntries(data) })
          expect(read).toEqual({
            password: Buffer.from(one, 'utf8').toString('utf8'),
            adminPassword: Buffer.from(two, 'utf8').toString('utf8'),
            version: n,
          })
        },
      ),
    )
  })

  it.each([
    ['nothing', {}],
    ['only one of the two', { data: { PGPASSWORD: 'YQ==' } }],
    ['an empty one', { data: { PGPASSWORD: '', ADMIN_PASSWORD: 'YQ==' } }],
  ])('decides anew when the cluster holds %s', (_, held) => {
    expect(readSecrets(held)).toBeUndefined()
  })
})
