import { describe, expect, it } from 'vitest'
import { parseEvent } from '#shared/events/envelope.ts'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { eventTypeManifests } from '#shared/events/contracts/event-types.ts'
import { ownTypes } from '#shared/events/contracts/json-schema.ts'
import { isFunction, traffic } from '#shared/events/traffic.ts'
import { examples } from '../examples.ts'

const manifests = eventTypeManifests()

/** What a template of an EventType lets through. */
function fits(template: string, value: string): boolean {
  return new RegExp(`^${RegExp.escape(template).replaceAll(/\\\{.*?\\\}/g, '[^/]+')}$`).test(value)
}

describe('shared/events/contracts/event-types', () => {
  it('has one for each type of ours, of the one broker', () => {
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual(ownTypes)
    for (const { spec } of manifests) {
      expect(spec.reference).toEqual({ apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', name: 'default' })
    }
  })

  it.each(manifests)('$metadata.name names what Knative asks for (eventtype_validation.go)', ({ metadata, spec }) => {
    const values = new Map(spec.attributes.map(({ name, value }) => [name, value]))
    expect([...values.keys()]).toEqual(expect.arrayContaining(['type', 'source', 'specversion', 'id']))
    expect(values.get('type')).toBe(metadata.name)
  })

  const ours = ownTypes.filter((type) => traffic[type].from.every(isFunction))
  it.each(ours)('tells the truth of %s as our functions send it', (type) => {
    const data = examples[type] as never
    const source = `//functions.platxa.io/${traffic[type].from[0]}`
    const { headers, body } = encodeEvent(makeEvent({ type, source, id: '1', name: 'demo', data }))
    const { extensions, data: _, ...attributes } = parseEvent(headers, Buffer.from(body ?? ''))
    const sent = new Map(Object.entries({ ...extensions, ...attributes }))
    const { spec } = manifests[ownTypes.indexOf(type)]!
    for (const { name, required, value } of spec.attributes.filter((one) => one.name !== 'schemadata')) {
      const found = sent.get(name)
      expect([name, found !== undefined || !required]).toEqual([name, true])
      if (found !== undefined && value !== undefined)
        expect([name, found, fits(value, found)]).toEqual([name, found, true])
    }
  })
})
