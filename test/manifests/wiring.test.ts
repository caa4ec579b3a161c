// What manifests say of events, services and names, held against the code that they run.
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { catalogue } from '#shared/events/catalogue.ts'
import { objectNames, roleNames } from '#shared/instance/names.ts'
import { observeBinding, scaleBinding, tenantAdminBinding } from '#shared/instance/role-bindings.ts'
import { wakingPort } from '#shared/instance/waking-service.ts'
import { platformOf, specOf } from '#test/shared/instance/builders.ts'
import { base, listedFiles, ofKind } from './base.ts'

const reference = z.object({ apiVersion: z.string(), kind: z.string(), name: z.string(), namespace: z.string() })
const triggerSpec = z.object({
  broker: z.literal('default'),
  filter: z.strictObject({ attributes: z.strictObject({ type: z.string() }) }),
  subscriber: z.strictObject({ ref: reference }),
  delivery: z.strictObject({
    retry: z.int().min(1),
    backoffPolicy: z.literal('exponential'),
    backoffDelay: z.string(),
    timeout: z.string(),
    deadLetterSink: z.strictObject({ ref: reference }),
  }),
})
const triggers = ofKind('Trigger').map(({ metadata, spec }) => ({ name: metadata.name, ...triggerSpec.parse(spec) }))

function exists({ apiVersion, kind, name, namespace }: z.output<typeof reference>): boolean {
  return base.some(
    (object) =>
      object.apiVersion === apiVersion &&
      object.kind === kind &&
      object.metadata.name === name &&
      object.metadata.namespace === namespace,
  )
}

/** `wake-events` is wake by another Service; the others are named as their function. */
function functionOf(subscriber: string): string {
  return subscriber === 'wake-events' ? 'wake' : subscriber
}

async function typesTakenBy(name: string): Promise<readonly string[]> {
  const file = new URL(`../../functions/${name}/event.ts`, import.meta.url)
  if (!existsSync(file)) return []
  const source = await readFile(file, 'utf8')
  return Object.keys(catalogue).filter((type) => source.includes(`'${type}'`))
}

describe('manifests/base', () => {
  it('lists every file that it has', async () => {
    const files = await readdir(new URL('../../manifests/base/', import.meta.url))
    const listed = await listedFiles()
    expect(listed.toSorted()).toEqual(files.filter((file) => file !== 'kustomization.yaml').toSorted())
  })

  it('names every object once, with the label of the platform and its namespace said', () => {
    const clusterWide = /^(Namespace|ClusterRole|ClusterRoleBinding|ValidatingAdmissionPolicy(Binding)?)$/
    const identities = base.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`)
    expect(new Set(identities).size).toBe(identities.length)
    for (const { kind, metadata } of base) {
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/part-of': 'platxa' })
      expect([kind, metadata.namespace ?? 'none']).toEqual([
        kind,
        clusterWide.test(kind) ? 'none' : expect.stringMatching(/^(platxa|traefik-system)$/),
      ])
    }
  })
})

describe('triggers', () => {
  it.each(triggers)('$name waits for an event of the catalogue', ({ filter }) => {
    expect(Object.keys(catalogue)).toContain(filter.attributes.type)
  })

  it.each(triggers)('$name leads to something that exists, and so does its dead letter', ({ subscriber, delivery }) => {
    expect(exists(subscriber.ref)).toBe(true)
    expect(delivery.deadLetterSink.ref.name).toBe('dead-letter')
    expect(exists(delivery.deadLetterSink.ref)).toBe(true)
  })

  it('that lead to a plain Service find port 80 there, because Knative looks for no other', () => {
    for (const { subscriber } of triggers.filter(({ subscriber: { ref } }) => ref.apiVersion === 'v1')) {
      const service = ofKind('Service', 'v1').find(({ metadata }) => metadata.name === subscriber.ref.name)
      const { ports } = z.object({ ports: z.array(z.object({ port: z.number() })) }).parse(service?.['spec'])
      expect(ports.map(({ port }) => port)).toContain(80)
    }
  })

  it('have one subscriber for one event at most once', () => {
    const pairs = triggers.map(({ filter, subscriber }) => `${filter.attributes.type} → ${subscriber.ref.name}`)
    expect(new Set(pairs).size).toBe(pairs.length)
  })

  it.each([
    ['io.platxa.instance.requested.v1', ['provision']],
    ['io.platxa.instance.tier.changed.v1', ['change-tier']],
    ['io.platxa.instance.slept.v1', ['change-tier']],
    ['io.platxa.instance.status.applied.v1', ['change-tier']],
    ['io.platxa.instance.status.changed.v1', ['change-status']],
    ['io.platxa.instance.removal.requested.v1', ['remove']],
    ['io.platxa.instance.wake.requested.v1', ['wake']],
    ['io.platxa.instance.idle.detected.v1', ['sleep']],
    ['io.platxa.idle.scan.requested.v1', ['scan-idle']],
    ['io.platxa.alert.firing.v1', ['scan-idle']],
    ['dev.knative.sources.ping', ['scan-idle']],
  ])('bring %s to %o', (type, functions) => {
    const reached = triggers.filter(({ filter }) => filter.attributes.type === type)
    expect(reached.map(({ subscriber }) => functionOf(subscriber.ref.name))).toEqual(functions)
  })

  it('leave no function out that takes events of the catalogue', async () => {
    // These two are called by others: Knative's dead letters are events of any type, Alertmanager speaks no CloudEvents.
    const folders = (await readdir(new URL('../../functions/', import.meta.url))).filter(
      (name) => name !== 'dead-letter' && name !== 'relay-alerts',
    )
    const taking = await Promise.all(folders.map(async (name) => ((await typesTakenBy(name)).length > 0 ? [name] : [])))
    const brought = new Set(triggers.map(({ subscriber }) => functionOf(subscriber.ref.name)))
    expect(taking.flat().filter((name) => !brought.has(name))).toEqual([])
  })

  it.each([...new Set(triggers.map(({ subscriber }) => functionOf(subscriber.ref.name)))])(
    'of %s are those that its event.ts takes',
    async (name) => {
      const taken = await typesTakenBy(name)
      if (taken.length === 0) return
      const brought = triggers
        .filter(({ subscriber }) => functionOf(subscriber.ref.name) === name)
        .map(({ filter }) => filter.attributes.type)
      expect(brought.toSorted()).toEqual(taken.toSorted())
    },
  )
})

describe('what instances rely on', () => {
  it('is there: the port of the front door', () => {
    const service = ofKind('Service', 'v1').find(({ metadata }) => metadata.name === objectNames.wakingService)
    expect(service?.metadata.namespace).toBe(platformOf().wakeNamespace)
    expect(service?.['spec']).toMatchObject({
      ports: expect.arrayContaining([{ name: 'http-alt', port: wakingPort, targetPort: 8080 }]),
    })
  })

  it('is there: the roles, and the service accounts that are let in by them', () => {
    for (const name of Object.values(roleNames)) {
      expect(ofKind('ClusterRole').map(({ metadata }) => metadata.name)).toContain(name)
    }
    const bindings = [scaleBinding, observeBinding, tenantAdminBinding].map((bind) => bind(specOf(), platformOf()))
    for (const { subjects = [] } of bindings) {
      for (const { name, namespace = '' } of subjects) {
        expect(exists({ apiVersion: 'v1', kind: 'ServiceAccount', name, namespace })).toBe(true)
      }
    }
  })

  it('is granted to nobody cluster-wide', () => {
    const granted = ofKind('ClusterRoleBinding').map(
      (binding) => z.object({ roleRef: z.object({ name: z.string() }) }).parse(binding).roleRef.name,
    )
    for (const name of Object.values(roleNames)) expect(granted).not.toContain(name)
  })
})
