import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { describe, expect, it } from 'vitest'
import { deployment } from '#shared/instance/deployment.ts'
import { readInstance } from '#shared/instance/read.ts'
import { platformOf, secrets, specOf } from './builders.ts'

function live(changes: { spec?: object; annotations?: Record<string, string>; labels?: Record<string, string> } = {}) {
  const made = deployment(specOf(), platformOf(), secrets)
  return {
    ...made,
    metadata: {
      ...made.metadata,
      uid: 'u-1',
      resourceVersion: '42',
      creationTimestamp: '2026-11-23T10:00:00Z',
      annotations: { ...made.metadata.annotations, ...changes.annotations },
      labels: { ...made.metadata.labels, ...changes.labels },
    },
    spec: { ...made.spec, replicas: 1, ...changes.spec },
  } as Deployment & { metadata: object }
}

describe('reading an instance back from its Deployment', () => {
  it('gives what was written', () => {
    expect(readInstance(live())).toMatchObject({
      name: 'shop',
      namespace: 'instance-shop',
      uid: 'u-1',
      resourceVersion: '42',
      hosts: ['shop.platxa.com'],
      tier: 'pro',
      status: 'active',
      replicas: 1,
      readyReplicas: 0,
      workers: 2,
      websocketPort: 8072,
      odooVersion: '19',
      why: undefined,
      since: undefined,
      keepAwakeUntil: undefined,
      createdAt: Temporal.Instant.from('2026-11-23T10:00:00Z'),
      deleting: false,
    })
  })

  it('knows one asleep from one that does not say', () => {
    expect(readInstance(live({ spec: { replicas: 0 } }))?.replicas).toBe(0)
    expect(readInstance(live({ spec: { replicas: undefined } }))?.replicas).toBe(1)
  })

  it('reads the words and instants of the last sleep or wake', () => {
    const instance = readInstance(
      live({
        annotations: {
          'platxa.io/why': 'idle for 16 minutes',
          'platxa.io/since': '2026-11-23T12:00:00+01:00',
          'platxa.io/keep-awake-until': '2026-11-24T00:00:00Z',
        },
      }),
    )
    expect(instance?.why).toBe('idle for 16 minutes')
    expect(instance?.since?.toString()).toBe('2026-11-23T11:00:00Z')
    expect(instance?.keepAwakeUntil?.toString()).toBe('2026-11-24T00:00:00Z')
  })

  it.each([
    ['an instant that is none', { annotations: { 'platxa.io/since': 'yesterday' } }, { since: undefined }],
    ['workers that are none', { annotations: { 'platxa.io/workers': 'many' } }, { workers: 0, websocketPort: 8069 }],
    ['no hosts', { annotations: { 'platxa.io/hosts': ' , ' } }, { hosts: [] }],
    ['a status nobody knows', { labels: { 'platxa.io/status': 'frozen' } }, { status: 'disabled' }],
    ['a tier nobody knows', { labels: { 'platxa.io/resource-tier': 'gold' } }, { tier: 'free' }],
  ])('is not led astray by %s', (_, changes, seen) => {
    expect(readInstance(live(changes))).toMatchObject(seen)
  })

  it.each([['without the label of an instance', { labels: { 'app.kubernetes.io/instance': '' } }]])(
    'is nothing for a Deployment %s',
    (_, changes) => {
      expect(readInstance(live(changes))).toBeUndefined()
    },
  )

  it('is nothing for an object that never was on a server', () => {
    expect(readInstance(deployment(specOf(), platformOf(), secrets))).toBeUndefined()
    expect(readInstance({})).toBeUndefined()
  })
})
