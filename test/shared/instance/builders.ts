// Specs and platforms for tests: a plain one with changes, and any one at all.
import fc from 'fast-check'
import { platformFrom, platformVariables, type Platform } from '#shared/instance/platform.ts'
import { instanceSpec, type InstanceSecrets, type InstanceSpec } from '#shared/instance/spec.ts'
import { odooVersion } from '#shared/instance/versions.ts'

export const plain = {
  name: 'shop',
  revision: 7,
  ownerId: 'owner-1',
  tier: 'pro',
  odooVersion: '19',
  hosts: ['shop.platxa.com'],
}

export function specOf(changes: Readonly<Record<string, unknown>> = {}): InstanceSpec {
  return instanceSpec.parse({ ...plain, ...changes })
}

export const settings = {
  BASE_DOMAIN: 'platxa.com',
  ODOO_IMAGE: 'odoo:{version}.0',
  PGHOST: 'postgres.postgres-system.svc.cluster.local',
}

export function platformOf(changes: Readonly<Record<string, string>> = {}): Platform {
  return platformFrom(platformVariables.parse({ ...settings, ...changes }))
}

export const secrets: InstanceSecrets = { password: 'pg-SECRET-1', adminPassword: 'admin-SECRET-2' }

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'.split('')
const inner = fc.string({ unit: fc.constantFrom(...letters, '-'), maxLength: 52 })
const label = fc
  .tuple(fc.constantFrom(...letters), inner, fc.constantFrom(...letters))
  .map(([first, middle, last]) => `${first}${middle}${last}`)

export const anyName = fc.oneof(label, fc.constantFrom(...letters), fc.constant('a'.repeat(54)))

export const anySpec: fc.Arbitrary<InstanceSpec> = fc
  .record({
    name: anyName,
    revision: fc.nat(),
    ownerId: fc.constantFrom('owner-1', 'A.b_c', '42'),
    tier: fc.constantFrom('free', 'pro', 'team', 'enterprise'),
    status: fc.constantFrom('active', 'suspended', 'disabled'),
    odooVersion: fc.constantFrom(...odooVersion.options),
    hosts: fc.uniqueArray(
      fc.tuple(label, fc.constantFrom('platxa.com', 'example.org')).map((parts) => parts.join('.')),
      { minLength: 1, maxLength: 5 },
    ),
    route: fc.constantFrom('waking', 'direct'),
    egressMail: fc.boolean(),
  })
  .map((spec) => specOf(spec))

export const anyPlatform: fc.Arbitrary<Platform> = fc
  .record({
    POOLER: fc.constantFrom('on', 'off'),
    WORKERS_POLICY: fc.constantFrom('fit', 'published'),
    INGRESS_TLS: fc.constantFrom('on', 'off'),
    CUSTOM_HOSTS_ISSUER: fc.constantFrom('', 'letsencrypt'),
    STORAGE_CLASS: fc.constantFrom('', 'fast'),
    POSTGRES_CIDRS: fc.constantFrom('', '10.9.0.0/24'),
    POSTGRES_CA: fc.constantFrom('', '-----BEGIN CERTIFICATE-----'),
    IPV6_EGRESS: fc.constantFrom('on', 'off'),
    NODE_LOCAL_DNS: fc.constantFrom('on', 'off'),
  })
  .map((changes) => platformOf(changes))
