// The official schema of AsyncAPI 3.0 says whether the document is one; what it cannot say, that references lead
// somewhere and operations stay within their channel, is asked here.
import specs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { asyncapiDocument } from '#shared/events/contracts/asyncapi.ts'
import { eventTypes, ownTypes, schemaFileOf } from '#shared/events/contracts/json-schema.ts'
import { functionNames, traffic } from '#shared/events/traffic.ts'

const document = asyncapiDocument()
const operation = z.object({
  action: z.enum(['send', 'receive']),
  channel: z.object({ $ref: z.string() }),
  messages: z.array(z.object({ $ref: z.string() })).min(1),
})
const operations = z.record(z.string(), operation).parse(document['operations'])

function referencesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : referencesIn(inner),
  )
}

function resolves(reference: string): boolean {
  if (!reference.startsWith('#/')) return ownTypes.some((type) => reference === `./${schemaFileOf(type)}`)
  const steps = reference.slice(2).split('/')
  const found = steps.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null ? Object.entries(at).find(([key]) => key === step)?.[1] : undefined,
    document,
  )
  return found !== undefined
}

describe('shared/events/contracts/asyncapi', () => {
  let faultsOf: (value: unknown) => readonly string[]

  beforeAll(() => {
    // The schema brings the meta schema of JSON Schema along; ajv must not have a second one.
    const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false })
    addFormats.default(ajv)
    const official: object = specs.schemas['3.0.0']
    const validate = ajv.compile(official)
    faultsOf = (value) => {
      validate(value)
      return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
    }
  })

  it('is a document of AsyncAPI 3.0', () => {
    expect(faultsOf(document)).toEqual([])
  })

  it('would not be one with a word that AsyncAPI does not know', () => {
    expect(faultsOf({ ...document, operations: { 'sleep.hear': { action: 'hear' } } })).not.toEqual([])
  })

  it('has no reference that leads nowhere', () => {
    const references = referencesIn(document)
    expect(references.length).toBeGreaterThan(50)
    expect(references.filter((reference) => !resolves(reference))).toEqual([])
  })

  it.each(Object.entries(operations))('lets %s speak only of messages of its channel', (_, { channel, messages }) => {
    for (const { $ref } of messages) expect($ref.startsWith(`${channel.$ref}/messages/`)).toBe(true)
  })

  it.each(functionNames)('says of %s what it receives and sends', (name) => {
    const typesOf = (action: string): readonly string[] =>
      operations[`${name}.${action}`]?.messages.map(({ $ref }) => $ref.split('/').at(-1) ?? '') ?? []
    expect(typesOf('receive')).toEqual(eventTypes.filter((type) => traffic[type].to.includes(name)))
    expect(typesOf('send')).toEqual(eventTypes.filter((type) => traffic[type].from.includes(name)))
  })
})
