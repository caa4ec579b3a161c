import { describe, expect, it } from 'vitest'
import { pingSourceManifest } from '#local/broker/manifest.ts'
import { split } from '#local/world/apply.ts'
import { forLaptop, type Laptop, settingsOf } from '#local/world/laptop.ts'
import { type KubernetesObject, readManifests } from '#local/world/manifests.ts'

const manifests = await readManifests('manifests/base')
const laptop = (change: Partial<Laptop> = {}): Laptop => ({
  idleTimeout: '2m',
  idleTimeoutMs: 120_000,
  postgres: { host: '127.0.0.1', port: 5433 },
  brokerUrl: 'http://127.0.0.1:8081/platxa/default',
  baseDomain: 'localhost',
  port: 8080,
  pooler: false,
  ...change,
})
const made = (change?: Partial<Laptop>) => forLaptop(manifests, laptop(change))
const dataOf = (objects: readonly KubernetesObject[], namespace: string) =>
  objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.namespace === namespace)?.['data']
const hashes = (objects: readonly KubernetesObject[]) =>
  new Set(
    JSON.stringify(objects)
      .matchAll(/"platxa.io\/config-hash":"(\w+)"/g)
      .map(([, hash]) => hash),
  )

describe('the manifests on a laptop', () => {
  it('have the same objects, in the same order', () => {
    const name = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.namespace}/${metadata.name}`
    expect(made().map(name)).toEqual(manifests.map(name))
  })

  it('tell functions and wake where things are here', () => {
    expect(dataOf(made(), 'platxa')).toMatchObject({
      IDLE_TIMEOUT: '2m',
      PGHOST: '127.0.0.1',
      PGPORT: '5433',
      PUBLIC_URL: 'http://{host}:8080',
      BROKER_URL: 'http://127.0.0.1:8081/platxa/default',
    })
    expect(dataOf(made(), 'traefik-system')).toMatchObject({
      BROKER_URL: 'http://127.0.0.1:8081/platxa/default',
      HOLD_TIMEOUT: '3m',
    })
  })

  it('set no knob that the manifests do not have', () => {
    const known = new Set(
      ['platxa', 'traefik-system'].flatMap((name) => Object.keys(dataOf(manifests, name) as object)),
    )
    for (const name of Object.keys(settingsOf(laptop()))) expect(known).toContain(name)
    expect(dataOf(made(), 'traefik-system')).not.toHaveProperty('PGHOST')
  })

  it('start pods anew when a setting changed, and only then', () => {
    expect(hashes(made())).toEqual(hashes(made()))
    expect(hashes(made()).size).toBe(1)
    expect(hashes(made({ idleTimeout: '3m' }))).not.toEqual(hashes(made()))
  })

  it.each([
    [120_000, '*/15 * * * * *'],
    [10_000, '*/1 * * * * *'],
    [300_000, '*/30 * * * * *'],
    [900_000, '* * * * *'],
  ])('look for idle instances often enough for a timeout of %i ms', (idleTimeoutMs, schedule) => {
    const ping = made({ idleTimeoutMs }).find(({ kind }) => kind === 'PingSource')
    expect(pingSourceManifest.parse(ping).spec.schedule).toBe(schedule)
  })

  it('are split into what the API server knows and what is played for Knative', () => {
    const parts = split(made(), (name) => name !== 'remove')
    expect(parts.missing).toEqual(['remove'])
    expect(parts.brokers.map(({ metadata }) => metadata.name)).toEqual(['default'])
    expect(parts.pings).toHaveLength(1)
    expect(parts.triggers.map(({ spec }) => spec.subscriber.ref?.name)).not.toContain('remove')
    expect(parts.triggers.map(({ spec }) => spec.subscriber.ref?.name)).toContain('scan-idle')
    expect(parts.plain.filter(({ apiVersion }) => apiVersion.includes('knative'))).toEqual([])
    const names = parts.functions.map(([deployment]) => deployment.metadata?.name)
    expect(names).toContain('provision')
    expect(names).not.toContain('remove')
  })
})
