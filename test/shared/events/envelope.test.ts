import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventRefused, parseEvent, type Envelope } from '#shared/events/envelope.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
/** As Node hands raw UTF-8 header bytes over. */
const latin1 = (text: string): string => String.fromCharCode(...bytes(text))

const minimal = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '//im', 'ce-type': 't' }
const event: Record<string, unknown> = { specversion: '1.0', id: '1', source: '//im', type: 't' }
const without = (key: string): Record<string, string> =>
  Object.fromEntries(Object.entries(minimal).filter(([name]) => name !== key))

function binary(headers: Record<string, string>, body = ''): Envelope {
  return parseEvent({ ...minimal, ...headers }, bytes(body))
}

function structured(members: object | string, type = 'application/cloudevents+json'): Envelope {
  const body = typeof members === 'string' ? members : JSON.stringify({ ...event, ...members })
  return parseEvent({ 'content-type': type }, bytes(body))
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof EventRefused) return `${error.status} ${error.message}`
    throw error
  }
  return 'taken'
}

describe('shared/events/envelope: an event in binary mode', () => {
  it('is read with all it carries', () => {
    const headers = {
      'ce-subject': 'instances/demo',
      'ce-time': '2026-11-23T18:00:00.123456789+01:00',
      'ce-foo': 'bar',
    }
    const read = binary({ ...headers, 'ce-dataschema': 'urn:x', 'content-type': 'application/json' }, '{"a":1}')
    expect(read).toEqual({
      specversion: '1.0',
      id: '1',
      source: '//im',
      type: 't',
      subject: 'instances/demo',
      time: '2026-11-23T18:00:00.123456789+01:00',
      datacontenttype: 'application/json',
      dataschema: 'urn:x',
      data: { a: 1 },
      extensions: { foo: 'bar' },
    })
  })

  const refused: [string, Record<string, string>, string, string][] = [
    ['no specversion', without('ce-specversion'), '', '400 specversion is missing'],
    ['no id', without('ce-id'), '', '400 id is missing'],
    ['no source', without('ce-source'), '', '400 source is missing'],
    ['no type', without('ce-type'), '', '400 type is missing'],
    ['no ce header at all', { 'content-type': 'application/json' }, '{}', '400 specversion is missing'],
    ['an empty id', { ...minimal, 'ce-id': '' }, '', '400 id must not be empty'],
    ['an empty subject', { ...minimal, 'ce-subject': '' }, '', '400 subject must not be empty'],
    ['specversion 9.9', { ...minimal, 'ce-specversion': '9.9' }, '', '400 specversion must be 1.0'],
    ['specversion 0.3', { ...minimal, 'ce-specversion': '0.3' }, '', '400 specversion must be 1.0'],
    ['time: yesterday', { ...minimal, 'ce-time': 'yesterday' }, '', '400 time must be a timestamp by RFC 3339'],
    [
      'a time without a zone',
      { ...minimal, 'ce-time': '2026-11-23T18:00:00' },
      '',
      '400 time must be a timestamp by RFC 3339',
    ],
    [
      'the 30th of February',
      { ...minimal, 'ce-time': '2026-02-30T18:00:00Z' },
      '',
      '400 time must be a timestamp by RFC 3339',
    ],
    ['a relative dataschema', { ...minimal, 'ce-dataschema': 'a/b' }, '', '400 dataschema must be an absolute URI'],
    [
      'an extension with _',
      { ...minimal, 'ce-foo_bar': '1' },
      '',
      '400 foo_bar is not a name an attribute may have: a-z and 0-9 only',
    ],
    [
      'an extension without a name',
      { ...minimal, 'ce-': '1' },
      '',
      '400  is not a name an attribute may have: a-z and 0-9 only',
    ],
    [
      'an extension called data',
      { ...minimal, 'ce-data': '1' },
      '',
      '400 data is not a name an attribute may have: a-z and 0-9 only',
    ],
    [
      'ce-datacontenttype',
      { ...minimal, 'ce-datacontenttype': 'a/b' },
      '',
      '400 datacontenttype belongs in the header Content-Type',
    ],
    ['a lonely percent', { ...minimal, 'ce-id': '100%' }, '', '400 id is not percent-encoded UTF-8'],
    ['an overlong sequence', { ...minimal, 'ce-id': '%C0%AF' }, '', '400 id is not percent-encoded UTF-8'],
    ['raw Latin-1', { ...minimal, 'ce-id': '\xe9' }, '', '400 id is not percent-encoded UTF-8'],
    ['an encoded line feed', { ...minimal, 'ce-foo': 'a%0Ab' }, '', '400 foo contains a character that is not allowed'],
    [
      'a content type that is none',
      { ...minimal, 'content-type': 'json' },
      '{}',
      '400 datacontenttype is not a media type (header Content-Type)',
    ],
    ['broken JSON', { ...minimal, 'content-type': 'application/json' }, '{"a":', '400 data is not JSON'],
    ['broken JSON without a content type', minimal, 'hello', '400 data is not JSON'],
    [
      'JSON in UTF-16',
      { ...minimal, 'content-type': 'application/json; charset=utf-16' },
      '{}',
      '415 datacontenttype must be UTF-8 when it is JSON',
    ],
    [
      'avro',
      { ...minimal, 'content-type': 'application/cloudevents+avro' },
      '',
      '415 content-type names an event format that is not read here: use JSON',
    ],
  ]
  it.each(refused)('is refused with %s', (_what, headers, body, expected) => {
    expect(refusal(() => parseEvent(headers, bytes(body)))).toBe(expected)
  })

  it('is refused when JSON is not UTF-8', () => {
    const read = (): Envelope =>
      parseEvent({ ...minimal, 'content-type': 'application/json' }, Uint8Array.of(0x22, 0xe9, 0x22))
    expect(refusal(read)).toBe('400 data is not UTF-8')
  })

  const values: [string, string, string][] = [
    ['percent-encoded once', 'Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
    ['percent-encoded twice is decoded once', '%2541', '%41'],
    ['raw UTF-8 as the Go SDK sends it', latin1('Zürich €'), 'Zürich €'],
    ['raw and encoded mixed', `${latin1('ü')}%C3%BC`, 'üü'],
    ['a plus, which is no space', 'a+b', 'a+b'],
  ]
  it.each(values)('has a value that is %s', (_what, sent, read) => {
    expect(binary({ 'ce-subject': sent }).subject).toBe(read)
  })

  const data: [string, string | undefined, string, unknown][] = [
    ['nothing, as PingSource sends it', undefined, '', undefined],
    ['nothing with a content type, as the JS SDK sends it', 'application/json', '', undefined],
    ['JSON', 'application/json', '{"a":[1]}', { a: [1] }],
    ['JSON with a charset', 'application/json;charset=UTF-8', '1', 1],
    ['JSON of a vendor', 'application/vnd.x+json', 'null', null],
    ['JSON without a content type', undefined, 'false', false],
    ['text', 'text/plain; charset=utf-8', 'héllo', 'héllo'],
    ['bytes', 'image/png', 'abc', bytes('abc')],
    ['text of another charset, as bytes', 'text/plain; charset=latin1', 'abc', bytes('abc')],
  ]
  it.each(data)('has data that is %s', (_what, type, body, expected) => {
    expect(binary(type === undefined ? {} : { 'content-type': type }, body).data).toEqual(expected)
  })

  it('is read the same from Headers, and from upper-case names', () => {
    const upper = Object.fromEntries(Object.entries(minimal).map(([name, value]) => [name.toUpperCase(), value]))
    const sent = { ...upper, 'CE-Foo': 'x', 'ce-validate': 'y', 'ce-constructor': 'z' }
    const expected = { foo: 'x', validate: 'y', constructor: 'z' }
    expect(parseEvent(sent, bytes('')).extensions).toEqual(expected)
    expect(parseEvent(new Headers(sent), bytes('')).extensions).toEqual(expected)
  })

  it('keeps an absent time absent', () => expect(binary({}).time).toBeUndefined())
})

describe('shared/events/envelope: an event in structured mode', () => {
  const refused: [string, object | string, string, string][] = [
    ['no id', { id: undefined }, '', '400 id is missing'],
    ['id: null', { id: null }, '', '400 id is missing'],
    ['id: 5', { id: 5 }, '', '400 id must be a string'],
    ['broken JSON', '{', '', '400 envelope is not JSON'],
    ['null', 'null', '', '400 envelope must be a JSON object'],
    ['an array', '[]', '', '400 envelope must be a JSON object'],
    ['an empty body', '', '', '400 envelope is not JSON'],
    ['time: yesterday', { time: 'yesterday' }, '', '400 time must be a timestamp by RFC 3339'],
    ['an extension in upper case', { Foo: '1' }, '', '400 Foo is not a name an attribute may have: a-z and 0-9 only'],
    ['an extension that is an object', { foo: {} }, '', '400 foo must be a string, a boolean or an integer'],
    ['an extension that is a fraction', { foo: 1.5 }, '', '400 foo must be a string, a boolean or an integer'],
    [
      'half a surrogate pair',
      '{"specversion":"1.0","id":"\\ud800"}',
      '',
      '400 id contains a character that is not allowed',
    ],
    [
      '__proto__',
      '{"__proto__":{"id":"1"}}',
      '',
      '400 __proto__ is not a name an attribute may have: a-z and 0-9 only',
    ],
    ['data_base64 that is not base64', { data_base64: '&' }, '', '400 data_base64 is not base64'],
    ['data_base64 beside data', { data: 1, data_base64: 'AA==' }, '', '400 data_base64 must not stand beside data'],
    [
      'a batch',
      '[{}]',
      'application/cloudevents-batch+json',
      '415 content-type names a batch: send one event at a time',
    ],
    [
      'protobuf',
      '',
      'application/cloudevents+protobuf',
      '415 content-type names an event format that is not read here: use JSON',
    ],
    ['UTF-16', '{}', 'application/cloudevents+json; charset=utf-16', '415 content-type must be UTF-8'],
  ]
  it.each(refused)('is refused with %s', (_what, body, type, expected) => {
    expect(refusal(() => structured(body, type || undefined))).toBe(expected)
  })

  it.each([
    'application/cloudevents+json',
    'application/cloudevents+json;charset=utf-8',
    'application/cloudevents+json; charset=UTF-8',
    'Application/CloudEvents+JSON ; charset="utf-8"',
  ])('is read with the content type %s', (type) => {
    expect(structured({}, type)).toMatchObject({ id: '1', type: 't', data: undefined })
  })

  it.each([[0], [false], [''], [null], [{ a: 1 }], [[1]]])('keeps data of %j', (data) => {
    expect(structured({ data }).data).toEqual(data)
  })

  it('turns data_base64 into bytes', () => {
    expect(structured({ data_base64: 'AAEC/w==' }).data).toEqual(Uint8Array.of(0, 1, 2, 255))
  })

  it('keeps extensions as text and drops those that are null', () => {
    expect(structured({ count: 5, on: true, gone: null, subject: null, note: '%41 é' })).toMatchObject({
      subject: undefined,
      extensions: { count: '5', on: 'true', note: '%41 é' },
    })
  })
})

describe('shared/events/envelope: whatever comes', () => {
  const name = fc.oneof(fc.constantFrom(...Object.keys(minimal), 'content-type', 'ce-time', 'ce-data'), fc.string())
  const type = fc.constantFrom(
    'application/json',
    'application/cloudevents+json',
    'text/plain',
    'application/cloudevents',
  )
  const anyHeaders = fc.dictionary(name, fc.oneof(fc.string(), type, fc.constant('1.0')))
  const anyBody = fc.oneof(
    fc.uint8Array(),
    fc.json().map(bytes),
    fc.jsonValue().map((value) => bytes(JSON.stringify({ ...event, data: value }))),
  )

  it('throws nothing but EventRefused', () => {
    fc.assert(
      fc.property(anyHeaders, anyBody, (headers, body) => {
        expect(refusal(() => parseEvent(headers, body))).toMatch(/^(taken|4\d\d .+)$/s)
        expect(refusal(() => parseEvent({ ...minimal, ...headers }, body))).toMatch(/^(taken|4\d\d .+)$/s)
      }),
      { numRuns: 500 },
    )
  })
})
