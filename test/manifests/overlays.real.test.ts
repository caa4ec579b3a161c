// Every overlay and component as kustomize renders it, given to a real API server that has the real definitions of
// Knative, Traefik, cert-manager and the Prometheus operator. Their controllers are not here: that a Certificate is issued
// or a route answers is for a cluster to show.
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { moduleFolder } from '#local/tools/modules.ts'
import { ownControlPlane, type OwnControlPlane } from '#test/world/cluster.ts'
import { dangling, identityOf } from './references.ts'
import { definitionsOfOthers, manifestsFolder, render, type Rendered, renderWith } from './render.ts'
import { strictApply, type StrictApply } from './strict-apply.ts'

const LIMIT_MS = 120_000
const signal = () => AbortSignal.timeout(LIMIT_MS)
/** `ci` is applied to a whole cluster by a test of its own. */
const names = (await readdir(`${manifestsFolder}overlays`)).filter((name) => name !== 'ci')
const components = await readdir(`${manifestsFolder}components`)

let plane: OwnControlPlane
let admin: Kubernetes
let apply: StrictApply

beforeAll(async () => {
  plane = await ownControlPlane()
  admin = await connect({ kubeconfig: plane.kubeconfig, limits: { callMs: LIMIT_MS } })
  apply = strictApply(admin, signal)
  const definitions = await definitionsOfOthers()
  for (const one of definitions) await admin.create(one, { signal: signal() })
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'monitoring' } })
  for (const { metadata } of definitions) {
    const ref = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: metadata?.name ?? '' }
    while (!isEstablished(await admin.get(ref, { signal: signal() }))) await sleep(100)
  }
}, 600_000)

afterAll(async () => {
  await admin.close()
  await plane.end()
})

const condition = z.looseObject({ type: z.string(), status: z.string() })
const established = z.looseObject({ status: z.looseObject({ conditions: z.array(condition) }) })

function isEstablished(definition: unknown): boolean {
  const { data } = established.safeParse(definition)
  return data?.status.conditions.some(({ type, status }) => type === 'Established' && status === 'True') === true
}

/** As a registry would name it; which content it is makes no difference to the API server. */
function withDigest(objects: readonly Rendered[]): readonly Rendered[] {
  const digest = `@sha256:${'0'.repeat(64)}`
  return z
    .array(z.custom<Rendered>())
    .parse(JSON.parse(JSON.stringify(objects).replaceAll('/platxa/functions"', `/platxa/functions${digest}"`)))
}

async function taken(objects: readonly Rendered[]): Promise<readonly (number | string)[]> {
  const versions: (number | string)[] = []
  for (const object of objects) versions.push(await apply(object))
  return versions
}

const given = (objects: readonly Rendered[], kind: string, name?: string) =>
  objects.filter((one) => one.kind === kind && (name === undefined || one.metadata.name === name))

describe.each(names)('overlay %s', { timeout: 300_000 }, (name) => {
  let objects: readonly Rendered[] = []
  beforeAll(async () => void (objects = await render(`${manifestsFolder}overlays/${name}`)))

  it('is taken whole, without a field that nobody knows, and the second time changes nothing', async () => {
    const whole = withDigest(objects)
    expect(await taken(whole)).toEqual(await taken(whole))
  })

  it('speaks of nothing that is not there', () => {
    expect(dangling(objects)).toEqual([])
  })

  it('names each object once, with the label of the platform', () => {
    const identities = objects.map((one) => `${one.apiVersion} ${identityOf(one)}`)
    expect(new Set(identities).size).toBe(identities.length)
    const without = objects.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/part-of'] !== 'platxa')
    expect(without.map(identityOf)).toEqual([])
  })

  it('has settings that shape a platform, and middlewares that exist', () => {
    const [map] = given(objects, 'ConfigMap', 'platxa-functions').filter((one) => one.metadata.namespace === 'platxa')
    const platform = platformFrom(platformVariables.parse(map?.['data']))
    expect(platform.ingress.middlewares.length).toBeGreaterThan(0)
    const middlewares = given(objects, 'Middleware').map(
      ({ metadata }) => `${metadata.namespace}-${metadata.name}@kubernetescrd`,
    )
    for (const middleware of platform.ingress.middlewares) expect(middlewares).toContain(middleware)
  })

  it('gives Traefik only options that it has, and every one that an instance needs', async () => {
    const [traefik] = given(objects, 'Deployment', 'traefik')
    const { containers } = z
      .object({
        template: z.object({ spec: z.object({ containers: z.tuple([z.object({ args: z.array(z.string()) })]) }) }),
      })
      .parse(traefik?.['spec']).template.spec
    const place = 'docs/content/reference/install-configuration/configuration-options.md'
    const known = await readFile(`${await moduleFolder('traefik')}/${place}`, 'utf8')
    const options = containers[0].args.map((arg) => arg.replace(/^--/, '').split('=')[0] ?? '')
    const unknown = options.filter(
      (option) => !known.includes(`>${option.replace(/^entrypoints\.[a-z]+\./, 'entrypoints._name_.')}<`),
    )
    expect(unknown).toEqual([])
    expect(containers[0].args).toEqual(
      expect.arrayContaining([
        '--providers.kubernetesingress.allowexternalnameservices=true',
        '--providers.kubernetesingress.allowemptyservices=true',
        '--providers.providersthrottleduration=50ms',
        '--providers.knative.throttleduration=50ms',
      ]),
    )
  })
})

describe.each(components)('component %s', { timeout: 300_000 }, (name) => {
  it('is taken with an overlay, and speaks of nothing that is not there', async () => {
    // Traefik's is in each overlay already.
    const objects = await renderWith(name === 'traefik' ? 'base' : 'overlays/kind', [name])
    await taken(objects)
    const ingressOnly = (fault: string): boolean => name === 'traefik' && fault.includes('wildcard')
    expect(dangling(objects).filter((fault) => !ingressOnly(fault))).toEqual([])
  })
})

describe('overlay kind', () => {
  it('opens the ports that local/kind.yaml brings to the laptop', async () => {
    const kind: unknown = parse(
      await readFile(fileURLToPath(new URL('../../local/kind.yaml', import.meta.url)), 'utf8'),
    )
    const port = z.looseObject({ containerPort: z.number() })
    const { nodes } = z.object({ nodes: z.array(z.looseObject({ extraPortMappings: z.array(port) })) }).parse(kind)
    const [service] = given(await render(`${manifestsFolder}overlays/kind`), 'Service', 'traefik')
    const { ports } = z.object({ ports: z.array(z.looseObject({ nodePort: z.number() })) }).parse(service?.['spec'])
    const brought = nodes.flatMap(({ extraPortMappings }) =>
      extraPortMappings.map(({ containerPort }) => containerPort),
    )
    expect(new Set(brought)).toEqual(new Set(ports.map(({ nodePort }) => nodePort)))
  })
})

describe('overlay doks', () => {
  it('is refused while our images are named by a tag', async () => {
    const objects = await render(`${manifestsFolder}overlays/doks`)
    await taken(withDigest(objects))
    for (const one of [...given(objects, 'Deployment', 'wake'), ...given(objects, 'Service', 'sleep')]) {
      const tagged = JSON.parse(JSON.stringify(one).replace('/platxa/functions"', '/platxa/functions:7"')) as Rendered
      await expect.poll(() => apply(tagged).then(() => 'taken', String), { timeout: LIMIT_MS }).toContain('by digest')
    }
  })

  it('leaves the number of wake replicas to its autoscaler', async () => {
    const [wake] = given(await render(`${manifestsFolder}overlays/doks`), 'Deployment', 'wake')
    expect(wake?.['spec']).not.toHaveProperty('replicas')
  })
})
