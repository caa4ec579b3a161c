import { describe, expect, it } from 'vitest'
import { wants } from '#local/broker/filter.ts'
import { triggerManifest } from '#local/broker/manifest.ts'

const event = {
  attributes: { specversion: '1.0', id: '1', source: '/im', type: 'io.platxa.instance.requested.v1', tier: 'free' },
  contentType: 'application/json',
  body: new Uint8Array(),
}
const trigger = (spec: object) =>
  triggerManifest.parse({
    kind: 'Trigger',
    metadata: { name: 't', namespace: 'n' },
    spec: { broker: 'default', subscriber: { uri: 'http://x' }, ...spec },
  }).spec

const type = event.attributes.type
describe('local broker filter', () => {
  it.each([
    ['no filter wants everything', {}, true],
    ['an exact attribute', { filter: { attributes: { type } } }, true],
    ['two attributes, one wrong', { filter: { attributes: { type, source: '/other' } } }, false],
    ['an empty value means any', { filter: { attributes: { tier: '' } } }, true],
    ['an attribute that is not there', { filter: { attributes: { missing: '' } } }, false],
    ['exact', { filters: [{ exact: { type } }] }, true],
    ['exact, another value', { filters: [{ exact: { type: 'x' } }] }, false],
    ['prefix', { filters: [{ prefix: { type: 'io.platxa.' } }] }, true],
    ['prefix, not at the start', { filters: [{ prefix: { type: 'platxa.' } }] }, false],
    ['suffix', { filters: [{ suffix: { type: '.v1' } }] }, true],
    ['all', { filters: [{ all: [{ exact: { type } }, { exact: { tier: 'free' } }] }] }, true],
    ['all, one wrong', { filters: [{ all: [{ exact: { type } }, { exact: { tier: 'pro' } }] }] }, false],
    ['any', { filters: [{ any: [{ exact: { tier: 'pro' } }, { exact: { tier: 'free' } }] }] }, true],
    ['not', { filters: [{ not: { exact: { tier: 'pro' } } }] }, true],
    ['several filters are all needed', { filters: [{ exact: { type } }, { not: { exact: { tier: 'free' } } }] }, false],
    ['filters win over filter', { filter: { attributes: { type: 'x' } }, filters: [{ exact: { type } }] }, true],
  ])('%s', (_, spec, wanted) => {
    expect(wants(trigger(spec), event)).toBe(wanted)
  })

  it.each([
    ['a filter of a kind it does not know', { filters: [{ cesql: "type = 'x'" }] }, /cesql|Invalid/],
    ['a delivery field it does not know', { delivery: { retryAfterMax: 'PT1S' } }, 'retryAfterMax'],
    ['a delay that is no ISO 8601 time', { delivery: { retry: 1, backoffDelay: '5s' } }, 'not an ISO 8601 time'],
    ['a subscriber without an address', { subscriber: {} }, 'needs ref or uri'],
  ])('refuses a Trigger with %s', (_, spec, why) => {
    expect(() => trigger(spec)).toThrow(why)
  })
})
