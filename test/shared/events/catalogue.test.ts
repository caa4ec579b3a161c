import { describe, expect, it } from 'vitest'
import { catalogue, dataschemaOf, explain, instanceOf, isEventType, type EventType } from '#shared/events/catalogue.ts'
import { evidence, examples, idle, requested } from './examples.ts'

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

  it.each(Object.keys(catalogue).filter(isEventType))('says where the schema of %s is published', (type) => {
    expect(dataschemaOf(type)).toBe(
      type.startsWith('io.') ? `https://schemas.platxa.io/events/${type}.json` : undefined,
    )
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
