import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogue, dataschemaOf, type EventType } from '#shared/events/catalogue.ts'
import { jsonSchemaOf, ownTypes, type JsonSchema } from '#shared/events/contracts/json-schema.ts'
import { examples } from '../examples.ts'

const ajv = new Ajv2020({ strict: true, allErrors: true })
addFormats.default(ajv)
const validators = new Map(ownTypes.map((type) => [type, ajv.compile(jsonSchemaOf(type))]))

function bySchema(type: EventType, data: unknown): boolean {
  const valid = validators.get(type)?.(data)
  if (typeof valid !== 'boolean') throw new Error(`${type} has no schema`)
  return valid
}

function byCatalogue(type: EventType, data: unknown): boolean {
  return catalogue[type].safeParse(data).success
}

/** Values that one of the two might see differently. */
const odd = [
  [null, true, false, 0, -1, 1.5, 2 ** 53 - 1, 2 ** 53, 86_400, '3', '', 'A', 'a b', 'a\nb', 'a-', 'ü', '😀'],
  ['a'.repeat(54), 'a'.repeat(55), 'a'.repeat(63), 'a'.repeat(64), `${'a'.repeat(63)}.b`, '*.b', 'a.b:80'],
  ['2026-02-28T10:00:00Z', '2026-02-30T10:00:00Z', '2026-02-28', '2026-02-28T10:00:00+02:00', '2026-02-28T10:00:00'],
  ['https://a.b', 'http://a.b:8080/c?d', 'ftp://a.b', 'HTTPS://a.b', 'https://', '//a.b', 'a.b'],
  ['free', 'gold', 'now', 'active', 'http', 'all', '19', '19.0'],
  [[], {}, ['a.b'], ['a.b', 'a.b'], ['all', 'all'], [1]],
].flat(1)

/** Zod leaves a key `__proto__` out without a word, which is as good as refusing it, but not the same. */
const anything = fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes('__proto__'))

interface Place {
  readonly of: Record<string, unknown>
  readonly key: string
}

function placesIn(data: unknown): readonly Place[] {
  if (typeof data !== 'object' || data === null) return []
  const of = data as Record<string, unknown>
  return Object.entries(of).flatMap(([key, inner]) => [{ of, key }, ...placesIn(inner)])
}

/** Another value in one place of the data; nothing there when it is `undefined`. */
function changed(data: unknown, at: number, value: unknown): unknown {
  const copy: unknown = structuredClone(data)
  const place = placesIn(copy)[at]
  if (place !== undefined) place.of[place.key] = value
  return JSON.parse(JSON.stringify(copy)) as unknown
}

/** The data for which the two say different things. */
function disputed(type: EventType, all: readonly unknown[]): readonly unknown[] {
  return all.filter((data) => bySchema(type, data) !== byCatalogue(type, data))
}

describe('shared/events/contracts/json-schema', () => {
  it.each(ownTypes)('of %s takes what the catalogue takes and refuses what it refuses', (type) => {
    expect([bySchema(type, examples[type]), byCatalogue(type, examples[type])]).toEqual([true, true])
    const whole = examples[type]
    const places = placesIn(whole).map((_, at) => at)
    expect(disputed(type, [...odd, { ...Object(whole), extra: 1 }])).toEqual([])
    expect(
      disputed(
        type,
        places.flatMap((at) => [undefined, ...odd].map((value) => changed(whole, at, value))),
      ),
    ).toEqual([])
    fc.assert(
      fc.property(fc.constantFrom(...places), anything, (at, value) => {
        expect(disputed(type, [changed(whole, at, value)])).toEqual([])
      }),
    )
  })

  it.each(ownTypes)('of %s is named as events name it and describes itself and every field', (type) => {
    const schema = jsonSchemaOf(type)
    expect(schema).toMatchObject({ $id: dataschemaOf(type), title: type, additionalProperties: false })
    expect([schema.description, ...descriptionsOf(schema)].filter((text) => !/^[A-Z].*\.$/.test(text ?? ''))).toEqual(
      [],
    )
  })

  it('says what a reader needs', () => {
    expect(jsonSchemaOf('io.platxa.instance.tier.changed.v1')).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      required: ['name', 'revision', 'tier', 'apply'],
      properties: { tier: { enum: ['free', 'pro', 'team', 'enterprise'] } },
    })
  })
})

function descriptionsOf({ properties = {} }: JsonSchema): readonly (string | undefined)[] {
  return Object.values(properties).flatMap((field) =>
    typeof field === 'boolean' ? [undefined] : [field.description, ...descriptionsOf(field)],
  )
}
