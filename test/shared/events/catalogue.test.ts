import { describe, expect, it } from 'vitest'
import {
  catalogue,
  dataschemaOf,
  explain,
  instanceOf,
  isEventType,
  jsonSchemaOf,
  type EventType,
} from '#shared/events/catalogue.ts'

const name = 'demo'
const revision = 3
const uid = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
const requested = { name, revision, ownerId: '7', tier: 'free', odooVersion: '19', hosts: ['demo.localhost'] }
const evidence = { replicas: 2, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 3600 }
const idle = {
  name,
  lastActivityAt: '2026-11-23T18:00:00Z',
  idleSeconds: 900,
  timeoutSeconds: 900,
  deploymentUid: uid,
  evidence,
}
const alert = { alert: 'OdooIdle', labels: { severity: 'info' }, namespace: 'instance-demo', fingerprint: 'abc' }

/** One whole example per type; the compiler sees to it that none is forgotten. */
const examples: Readonly<Record<EventType, unknown>> = {
  'io.platxa.instance.requested.v1': { ...requested, template: 'template_odoo_19', adminLogin: 'admin@example.com' },
  'io.platxa.instance.tier.changed.v1': { name, revision, tier: 'pro', apply: 'when-asleep' },
  'io.platxa.instance.status.changed.v1': { name, revision, status: 'suspended', reason: 'not paid' },
  'io.platxa.instance.removal.requested.v1': { name, revision, uid, keepDatabase: false },
  'io.platxa.instance.wake.requested.v1': { name, trigger: 'manual', deploymentUid: uid },
  'io.platxa.instance.idle.detected.v1': idle,
  'io.platxa.instance.provisioned.v1': {
    name,
    revision,
    namespace: 'instance-demo',
    uid,
    url: 'https://demo.example.com',
  },
  'io.platxa.instance.provision.failed.v1': {
    name,
    revision,
    reason: 'the template does not exist',
    step: 'clone-database',
  },
  'io.platxa.instance.woken.v1': { name, trigger: 'http', milliseconds: { total: 4200, scheduled: 60, ready: 4200 } },
  'io.platxa.instance.wake.failed.v1': { name, trigger: 'cron', reason: 'image-pull', detail: 'no such image' },
  'io.platxa.instance.slept.v1': { name, awakeSeconds: 1800, why: 'nobody came for 15 minutes' },
  'io.platxa.instance.sleep.declined.v1': { name, veto: 'active-session', detail: 'one query is running' },
  'io.platxa.instance.tier.applied.v1': { name, revision, tier: 'pro', restarted: true },
  'io.platxa.instance.status.applied.v1': { name, revision, status: 'active' },
  'io.platxa.instance.removed.v1': { name, revision, uid, databaseKept: false },
  'io.platxa.alert.firing.v1': alert,
  'io.platxa.alert.resolved.v1': alert,
  'io.platxa.idle.scan.requested.v1': { scope: ['demo', 'shop'] },
  'dev.knative.sources.ping': undefined,
}

function faults(type: EventType, data: unknown): string {
  const checked = catalogue[type].safeParse(data)
  return checked.success ? 'fits' : explain(checked.error)
}

describe('shared/events/catalogue', () => {
  it.each(Object.entries(examples))('takes %s', (type, data) => {
    expect(isEventType(type) && catalogue[type].parse(data)).toEqual(data)
  })

  it.each(Object.entries(examples).filter(([type]) => type.startsWith('io.')))(
    'refuses a field it does not know in %s',
    (type, data) => {
      expect(isEventType(type) && faults(type, { ...(data as object), extra: 1 })).toBe(
        'data Unrecognized key: "extra"',
      )
    },
  )

  it.each([[undefined], [null], [''], [{}]])('takes a ping with %j', (data) => {
    expect(catalogue['dev.knative.sources.ping'].parse(data)).toBeUndefined()
  })

  const wrong: [string, object, RegExp][] = [
    ['a name in upper case', { name: 'Demo' }, /^name must be a DNS label/],
    ['a name that ends with a hyphen', { name: 'demo-' }, /^name must be a DNS label/],
    ['a name that climbs', { name: '../kube-system' }, /^name must be a DNS label/],
    ['a name of 55 characters', { name: 'a'.repeat(55) }, /^name must have at most 54 characters$/],
    ['an empty name', { name: '' }, /^name must be a DNS label/],
    ['no name', { name: undefined }, /^name /],
    ['a tier that does not exist', { tier: 'gold' }, /^tier Invalid option: expected one of "free"/],
    ['a revision below 0', { revision: -1 }, /^revision /],
    ['a revision that is text', { revision: '3' }, /^revision /],
    ['a version with a minor', { odooVersion: '19.0' }, /^odooVersion must be a major version/],
    ['no host', { hosts: [] }, /^hosts must name at least one host$/],
    ['a host with a port', { hosts: ['a.b', 'a.b:80'] }, /^hosts\[1\] must be a host name/],
    ['a wildcard', { hosts: ['*.b'] }, /^hosts\[0\] must be a host name/],
    ['a host in upper case', { hosts: ['A.b'] }, /^hosts\[0\] must be a host name/],
    ['a host twice', { hosts: ['a.b', 'a.b'] }, /^hosts must not name a host twice$/],
    ['a template with a quote', { template: 'a";drop' }, /^template must be the name of a template database$/],
    ['a login with a line feed', { adminLogin: 'a\nb' }, /^adminLogin must not contain/],
    ['an owner that is no label', { ownerId: 'a b' }, /^ownerId must be usable as a label value$/],
    ['two faults', { tier: 'gold', hosts: [] }, /^tier .+; hosts must name at least one host$/],
  ]
  it.each(wrong)('refuses an instance with %s and names the field', (_what, change, message) => {
    expect(faults('io.platxa.instance.requested.v1', { ...requested, ...change })).toMatch(message)
  })

  it('names a field inside a field', () => {
    const data = { ...idle, evidence: { ...evidence, sockets: -1 } }
    expect(faults('io.platxa.instance.idle.detected.v1', data)).toMatch(/^evidence\.sockets /)
  })

  it('takes names of 54 characters and of one', () => {
    for (const name of ['a'.repeat(54), '7', 'a-b']) {
      expect(faults('io.platxa.instance.requested.v1', { ...requested, name })).toBe('fits')
    }
  })

  it('knows no type by inheritance', () => {
    expect(['constructor', '__proto__', 'toString'].filter(isEventType)).toEqual([])
  })

  it.each(Object.keys(catalogue).filter(isEventType))('can be published as JSON Schema: %s', (type) => {
    expect(() => JSON.stringify(jsonSchemaOf(type))).not.toThrow()
    expect(dataschemaOf(type)).toBe(
      type.startsWith('io.') ? `https://schemas.platxa.io/events/${type}.json` : undefined,
    )
  })

  it('publishes what a reader of the schema needs', () => {
    expect(jsonSchemaOf('io.platxa.instance.tier.changed.v1')).toMatchObject({
      $id: 'https://schemas.platxa.io/events/io.platxa.instance.tier.changed.v1.json',
      additionalProperties: false,
      required: ['name', 'revision', 'tier', 'apply'],
      properties: { tier: { enum: ['free', 'pro', 'team', 'enterprise'] } },
    })
  })

  const instances: [string, { data: unknown; subject?: string }, string | undefined][] = [
    ['the data', { data: { name: 'demo' }, subject: 'instances/other' }, 'demo'],
    ['the subject', { data: undefined, subject: 'instances/demo' }, 'demo'],
    ['nothing, when the subject is something else', { data: {}, subject: 'nodes/demo' }, undefined],
    ['nothing, when the name is none', { data: { name: 'A B' }, subject: 'instances/' }, undefined],
  ]
  it.each(instances)('finds the instance in %s', (_where, event, expected) => {
    expect(instanceOf(event)).toBe(expected)
  })
})
