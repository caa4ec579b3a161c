import type { Container, Pod } from 'kubernetes-types/core/v1.js'
import { describe, expect, it } from 'vitest'

import { ConfigProblem, environmentOf, expand, referencesOf, type Sources } from '#local/node/environment.ts'

const pod: Pod = {
  metadata: {
    name: 'odoo-demo-1',
    namespace: 'instance-demo',
    uid: 'u1',
    labels: { app: 'odoo' },
    annotations: { 'platxa.io/why': 'a visitor' },
  },
  spec: { containers: [], serviceAccountName: 'wake' },
}
const place = { podIP: '127.77.0.5', hostIP: '127.77.0.1', nodeName: 'local' }
const sources: Sources = {
  configMaps: new Map([
    ['settings', { MODE: 'fit', HOST: 'x' }],
    ['absent', undefined],
  ]),
  secrets: new Map([
    ['login', { PGPASSWORD: 'p$(MODE)' }],
    ['absent', undefined],
  ]),
}
const of = (container: Partial<Container>) => environmentOf({ name: 'c', ...container }, pod, place, sources)
const fieldOf = (fieldPath: string) => of({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath } } }] })['A']

describe('expansion', () => {
  it.each([
    ['a variable', '$(A)', '1'],
    ['a variable inside of a text', 'x-$(A)-y', 'x-1-y'],
    ['what nobody has set', '$(NOBODY)', '$(NOBODY)'],
    ['an escaped variable', '$$(A)', '$(A)'],
    ['two dollars', '$$', '$'],
    ['an escaped dollar before a variable', '$$$(A)', '$1'],
    ['a lone dollar', 'costs 5$ or $5', 'costs 5$ or $5'],
    ['a shell variable', '${A} $A', '${A} $A'],
    ['a value that looks like a variable', '$(B)', '$(A)'],
    ['an empty value', '[$(EMPTY)]', '[]'],
  ])('of %s', (_what, text, expected) => {
    expect(expand(text, { A: '1', B: '$(A)', EMPTY: '' })).toBe(expected)
  })
})

describe('an environment', () => {
  it('takes whole ConfigMaps and Secrets, with a prefix, before its own variables', () => {
    expect(
      of({
        envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'DB_', secretRef: { name: 'login' } }],
        env: [{ name: 'HOST', value: 'own $(MODE)' }],
      }),
    ).toEqual({ MODE: 'fit', HOST: 'own fit', DB_PGPASSWORD: 'p$(MODE)' })
  })

  it('takes a value of a Secret as it is', () => {
    const env = [{ name: 'P', valueFrom: { secretKeyRef: { name: 'login', key: 'PGPASSWORD' } } }]
    expect(of({ env })).toEqual({ P: 'p$(MODE)' })
  })

  it('knows only the variables before', () => {
    expect(
      of({
        env: [
          { name: 'A', value: '$(B)' },
          { name: 'B', value: '$(A)' },
        ],
      }),
    ).toEqual({ A: '$(B)', B: '$(B)' })
  })

  it.each([
    ['metadata.name', 'odoo-demo-1'],
    ['metadata.namespace', 'instance-demo'],
    ['metadata.uid', 'u1'],
    ["metadata.labels['app']", 'odoo'],
    ["metadata.annotations['platxa.io/why']", 'a visitor'],
    ["metadata.labels['none']", ''],
    ['spec.nodeName', 'local'],
    ['spec.serviceAccountName', 'wake'],
    ['status.podIP', '127.77.0.5'],
    ['status.hostIP', '127.77.0.1'],
  ])('is told %s', (path, expected) => {
    expect(fieldOf(path)).toBe(expected)
  })

  it.each<[string, Partial<Container>, string]>([
    ['a ConfigMap', { envFrom: [{ configMapRef: { name: 'absent' } }] }, 'configmap "absent" not found'],
    ['a Secret', { envFrom: [{ secretRef: { name: 'absent' } }] }, 'secret "absent" not found'],
    [
      'the ConfigMap of a variable',
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'absent', key: 'a' } } }] },
      'configmap "absent" not found',
    ],
    [
      'a key',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'login', key: 'a' } } }] },
      "couldn't find key a in secret login",
    ],
    [
      'a field that the node cannot tell',
      { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.phase' } } }] },
      'the local node cannot tell status.phase',
    ],
  ])('that lacks %s says so', (_what, container, message) => {
    expect(() => of(container)).toThrow(message)
    expect(() => of(container)).toThrow(ConfigProblem)
  })

  it('lacks what is optional without a word', () => {
    const optional = true
    expect(
      of({
        envFrom: [{ configMapRef: { name: 'absent', optional } }, { secretRef: { name: 'absent', optional } }],
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'login', key: 'a', optional } } }],
      }),
    ).toEqual({})
  })
})

describe('references', () => {
  it('are all names that an environment is made from, each once', () => {
    const containers: Container[] = [
      {
        name: 'a',
        envFrom: [{ configMapRef: { name: 'one' } }, { secretRef: { name: 'two' } }],
        env: [
          { name: 'A', value: 'x' },
          { name: 'B', valueFrom: { secretKeyRef: { name: 'two', key: 'b' } } },
          { name: 'C', valueFrom: { configMapKeyRef: { name: 'three', key: 'c' } } },
        ],
      },
    ]
    const { configMaps, secrets } = referencesOf(containers)
    expect([[...configMaps], [...secrets]]).toEqual([['one', 'three'], ['two']])
  })
})
