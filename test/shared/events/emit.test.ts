import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { parseEvent, type Envelope } from '#shared/events/envelope.ts'

const cause: Envelope = {
  specversion: '1.0',
  id: 'odoo-7:1',
  source: '//instance-manager',
  type: 'io.platxa.instance.idle.detected.v1',
  data: undefined,
  extensions: { correlationid: 'first', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
}
const slept = {
  type: 'io.platxa.instance.slept.v1',
  source: '//functions.platxa.io/sleep',
  data: { name: 'demo', awakeSeconds: 60, why: 'nobody came' },
  time: '2026-11-23T18:00:00.000Z',
} as const

/** What a receiver reads of what we send. */
function sent(event: Envelope): Envelope {
  const { headers, body } = encodeEvent(event)
  return parseEvent(
    new Headers(headers),
    typeof body === 'string' ? new TextEncoder().encode(body) : (body ?? new Uint8Array()),
  )
}

describe('shared/events/emit', () => {
  it('carries what is needed to follow it back', () => {
    expect(makeEvent({ ...slept, cause })).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      source: '//functions.platxa.io/sleep',
      type: 'io.platxa.instance.slept.v1',
      subject: 'instances/demo',
      time: '2026-11-23T18:00:00.000Z',
      datacontenttype: 'application/json',
      dataschema: 'https://schemas.platxa.io/events/io.platxa.instance.slept.v1.json',
      data: slept.data,
      extensions: {
        partitionkey: 'demo',
        correlationid: 'first',
        causationid: 'odoo-7:1',
        traceparent: cause.extensions['traceparent'],
      },
    })
  })

  it('has the same id for the same cause, and another for another cause, source, type or step', () => {
    const id = makeEvent({ ...slept, cause }).id
    expect(makeEvent({ ...slept, cause, time: '2026-11-24T00:00:00Z' }).id).toBe(id)
    const others = [
      makeEvent({ ...slept, cause: { ...cause, id: '2' } }).id,
      makeEvent({ ...slept, cause: { ...cause, source: '//other' } }).id,
      makeEvent({ ...slept, cause, step: 'again' }).id,
      makeEvent({
        ...slept,
        cause,
        type: 'io.platxa.instance.sleep.declined.v1',
        data: { name: 'demo', veto: 'fresh' },
      }).id,
    ]
    expect(new Set([id, ...others]).size).toBe(5)
  })

  it('begins a chain when nothing caused it', () => {
    const event = makeEvent({ ...slept, id: 'uid:123' })
    expect(event.id).toBe('uid:123')
    expect(event.extensions).toEqual({ partitionkey: 'demo', correlationid: 'uid:123' })
  })

  it('takes the first event for the start of the chain when that does not say', () => {
    const event = makeEvent({ ...slept, cause: { ...cause, extensions: {} } })
    expect(event.extensions).toMatchObject({ correlationid: 'odoo-7:1', causationid: 'odoo-7:1' })
  })

  it('throws when the data does not fit its type, and names the field', () => {
    expect(() => makeEvent({ ...slept, id: '1', data: { ...slept.data, awakeSeconds: -1 } })).toThrow(
      /slept\.v1 cannot be made: awakeSeconds/,
    )
  })

  it('sends no content type and no body without data, and no time where there is none', () => {
    const { headers, body } = encodeEvent({
      specversion: '1.0',
      id: '1',
      source: 's',
      type: 't',
      data: undefined,
      extensions: {},
    })
    expect(body).toBeUndefined()
    expect(headers).toEqual({ 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': 's', 'ce-type': 't' })
  })

  it('sends headers that are ASCII', () => {
    const { headers } = encodeEvent({ ...cause, subject: 'Zürich "€" 100%' })
    expect(headers['ce-subject']).toBe('Z%C3%BCrich%20%22%E2%82%AC%22%20100%25')
  })
})

describe('shared/events/emit: any event we send', () => {
  const allowed = fc.string({ unit: 'binary' }).filter((text) => !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(text))
  const nonEmpty = allowed.filter((text) => text.length > 0)
  const extensionName = fc.oneof(
    fc.stringMatching(/^[a-z0-9]{1,20}$/),
    fc.constantFrom('validate', 'emit', 'constructor', 'schemaurl', 'datacontentencoding', 'tostring'),
  )
  const reserved = new Set([
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'datacontenttype',
    'dataschema',
    'data',
  ])
  const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)))
  const payload = fc.oneof(
    fc.record({ datacontenttype: fc.constant(undefined), data: fc.constant(undefined) }),
    fc.record({ datacontenttype: fc.constant('application/json'), data: json }),
    fc.record({ datacontenttype: fc.constant('text/plain'), data: nonEmpty }),
    fc.record({ datacontenttype: fc.constant('image/png'), data: fc.uint8Array({ minLength: 1 }) }),
  )
  const envelope = fc.record({
    specversion: fc.constant('1.0' as const),
    id: nonEmpty,
    source: nonEmpty,
    type: nonEmpty,
    subject: fc.option(nonEmpty, { nil: undefined }),
    time: fc.option(fc.constant('2026-11-23T18:00:00.123456789+01:00'), { nil: undefined }),
    dataschema: fc.option(fc.webUrl(), { nil: undefined }),
    extensions: fc
      .dictionary(
        extensionName.filter((name) => !reserved.has(name)),
        allowed,
      )
      .map((entries): Record<string, string> => ({ ...entries })),
  })

  it('is read back equal', () => {
    fc.assert(
      fc.property(envelope, payload, (attributes, data) => {
        const event: Envelope = { ...attributes, ...data }
        expect(sent(event)).toEqual(event)
      }),
      { numRuns: 300 },
    )
  })
})
