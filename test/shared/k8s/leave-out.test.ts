import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leaveOut } from '#shared/k8s/leave-out.ts'

const names = ['managedFields', 'template']
const cut = (value: unknown): unknown => JSON.parse(leaveOut(Buffer.from(JSON.stringify(value)), names))

/** What it promises, the slow way. */
function without(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) =>
    names.includes(key) && typeof inner === 'object' && inner !== null ? null : inner,
  )
}

describe('leaving fields out of JSON', () => {
  it('makes objects and lists under these names null, wherever they stand, and changes nothing else', () => {
    const list = {
      items: [
        {
          metadata: { name: 'a', managedFields: [{ fieldsV1: { 'f:spec': { 'f:template': {} } } }] },
          spec: { template: {} },
        },
        { metadata: { name: 'ä' }, spec: { replicas: 1, template: { metadata: { managedFields: [1] } } } },
      ],
      template: 'a word',
    }
    expect(cut(list)).toEqual({
      items: [
        { metadata: { name: 'a', managedFields: null }, spec: { template: null } },
        { metadata: { name: 'ä' }, spec: { replicas: 1, template: null } },
      ],
      template: 'a word',
    })
  })

  it('is not misled by what stands in strings', () => {
    const note = JSON.stringify({ spec: { template: { x: ']}"' } } })
    const value = { a: note, managedFields: [note, '\\', '"', '\\"]}'], b: [note, { template: { c: note } }] }
    expect(cut(value)).toEqual({ a: note, managedFields: null, b: [note, { template: null }] })
  })

  it('keeps its promise for any JSON', () => {
    const words = fc.constantFrom('managedFields', 'template', 'a', '"template":{', '\\', '"', 'é', ']}')
    const { any } = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 5 },
        fc.oneof(words, fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(words, tie('any'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(any, (value) => {
        expect(leaveOut(Buffer.from(JSON.stringify(value)), names)).toBe(without(value))
      }),
      { numRuns: 2000 },
    )
  })

  it('cuts nothing out of JSON with spaces: all of it is there', () => {
    const text = JSON.stringify({ spec: { template: { a: 1 } } }, null, 2)
    expect(leaveOut(Buffer.from(text), names)).toBe(text)
  })
})
