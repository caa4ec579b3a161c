// Each check on a real API server, first as it should not be, then as it should. The kubeconfig's own rights, no controllers:
// what controllers would write into a status the test writes.
import 'reflect-metadata' // @peculiar/x509 needs it
import { webcrypto } from 'node:crypto'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clock, customDefinitions, kubernetesVersion, storage } from '#local/doctor/cluster.ts'
import type { Check, Patient } from '#local/doctor/finding.ts'
import { knativeIngress, knativeVersions, readiness } from '#local/doctor/knative.ts'
import { patientOf } from '#local/doctor/patient.ts'
import { access, frontDoor, settings, walls } from '#local/doctor/platform.ts'
import { certificate, traefikSwitches } from '#local/doctor/traefik.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { base, isKnative, ofKind } from '#test/manifests/base.ts'
import { definitionsOfOthers, type Rendered } from '#test/manifests/render.ts'
import { strictApply, type StrictApply } from '#test/manifests/strict-apply.ts'
import { ownControlPlane, type OwnControlPlane } from '#test/world/cluster.ts'

const LIMIT_MS = 120_000
const signal = () => AbortSignal.timeout(LIMIT_MS)
const now = () => Temporal.Now.instant()

let plane: OwnControlPlane
let kubernetes: Kubernetes
let apply: StrictApply

beforeAll(async () => {
  plane = await ownControlPlane()
  kubernetes = await connect({ kubeconfig: plane.kubeconfig, limits: { callMs: LIMIT_MS } })
  apply = strictApply(kubernetes, signal)
}, 300_000)
afterAll(async () => {
  await kubernetes.close()
  await plane.end()
})

/** What a check says of the cluster as it is now: the bad and the unknown in words, nothing when all is good. */
async function complaints(check: Check, changes: Partial<Patient> = {}): Promise<readonly string[]> {
  const patient = await patientOf({ kubernetes, postgresUrl: undefined, now, signal: signal() })
  const findings = await check.look({ ...patient, ...changes })
  expect(findings.length).toBeGreaterThan(0)
  const complained = findings.filter(({ state }) => state !== 'good')
  for (const { state, mend } of complained) if (state === 'bad') expect(mend).toBeTruthy()
  return complained.map(({ says }) => says)
}

const namespace = (name: string): Promise<unknown> => apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

function deployment(
  place: string,
  name: string,
  labels: Record<string, string>,
  args: readonly string[] = [],
): Rendered {
  const selector = { 'app.kubernetes.io/name': name }
  const template = { metadata: { labels: selector }, spec: { containers: [{ name, image: name, args: [...args] }] } }
  const spec = { replicas: 1, selector: { matchLabels: selector }, template }
  const metadata = { namespace: place, name, labels: { ...selector, ...labels } }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }
}

const available = (namespaceOf: string, name: string, availableReplicas: number): Promise<unknown> =>
  kubernetes.patch(
    { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf, name },
    { status: { replicas: availableReplicas, readyReplicas: availableReplicas, availableReplicas } },
    { type: 'merge', subresource: 'status', signal: signal() },
  )

describe('the cluster', () => {
  it('is new enough (an older one cannot be had here)', async () => {
    expect(await complaints(kubernetesVersion)).toEqual([])
  })

  it('has the time that we have', async () => {
    const hourAgo = () => Temporal.Now.instant().subtract({ hours: 1 })
    expect(await complaints(clock, { now: hourAgo })).toEqual([expect.stringMatching(/are 3[56]\d\d s apart/)])
    expect(await complaints(clock)).toEqual([])
  })

  it('has one default StorageClass, or the one that is set', async () => {
    expect(await complaints(storage)).toEqual([expect.stringContaining('no default StorageClass')])
    const named = (name: string, isDefault: string): Promise<unknown> =>
      apply({
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': isDefault } },
        provisioner: 'example.com/none',
      })
    await named('plain', 'true')
    expect(await complaints(storage)).toEqual([])
    expect(await complaints(storage, { settings: { STORAGE_CLASS: 'fast' } })).toEqual([
      expect.stringContaining('no StorageClass fast'),
    ])
    await named('fast', 'true')
    expect(await complaints(storage, { settings: { STORAGE_CLASS: 'fast' } })).toEqual([])
    expect(await complaints(storage)).toEqual([expect.stringContaining('several default')])
  })

  it('knows the kinds of others', { timeout: 600_000 }, async () => {
    expect(await complaints(customDefinitions)).toHaveLength(6)
    for (const one of await definitionsOfOthers()) await kubernetes.create(one, { signal: signal() })
    await expect.poll(() => complaints(customDefinitions), { timeout: LIMIT_MS }).toEqual([])
  })
})

describe('our own part', () => {
  it('has settings that can be read', async () => {
    expect(await complaints(settings)).toEqual([expect.stringContaining('no ConfigMap')])
    expect(await complaints(access)).toContain('platxa:provision may not create namespaces')
    expect(await complaints(walls)).toHaveLength(3)
    expect(await complaints(frontDoor)).toEqual([expect.stringContaining('nobody is woken')])
    for (const object of base.filter((one) => !isKnative(one))) await apply(object)
    const [map] = ofKind('ConfigMap')
    const data = map?.['data'] as Record<string, string>
    expect(await complaints(settings, { settings: { ...data, WORKERS_POLICY: 'many' } })).toEqual([
      expect.stringContaining('WORKERS_POLICY'),
    ])
    expect(await complaints(settings)).toEqual([])
  })

  it('may do what it has to, and no more', async () => {
    // The API server hears of new roles a moment later.
    await expect.poll(() => complaints(access), { timeout: LIMIT_MS }).toEqual([])
    expect(await complaints(walls)).toEqual([])
  })

  it('has a front door', async () => {
    expect(await complaints(frontDoor)).toEqual(['of 2 wake replicas 0 are available'])
    await available('traefik-system', 'wake', 2)
    expect(await complaints(frontDoor)).toEqual([])
  })

  it('has functions that are ready', { timeout: 300_000 }, async () => {
    expect(await complaints(readiness)).toHaveLength(4)
    const knative = base.filter(isKnative).filter(({ kind }) => kind !== 'EventType')
    for (const object of knative) await apply(object)
    expect(await complaints(readiness)).toHaveLength(knative.length)
    const plural = { Service: 'services', Broker: 'brokers', Trigger: 'triggers', PingSource: 'pingsources' }
    for (const { apiVersion, kind, metadata } of knative) {
      const path = `/apis/${apiVersion}/namespaces/platxa/${plural[kind as keyof typeof plural]}/${metadata.name}/status`
      await kubernetes.request('PATCH', path, {
        body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
        contentType: 'application/merge-patch+json',
        signal: signal(),
      })
    }
    expect(await complaints(readiness)).toEqual([])
  })
})

describe('Knative', () => {
  it('is there, runs, and is new enough', async () => {
    await Promise.all(['knative-serving', 'knative-eventing'].map(namespace))
    expect(await complaints(knativeVersions)).toEqual([
      expect.stringContaining('Serving is not installed'),
      expect.stringContaining('Eventing is not installed'),
    ])
    const install = async (serving: string, eventing: string): Promise<void> => {
      const label = 'app.kubernetes.io/version'
      await apply(deployment('knative-serving', 'controller', { [label]: serving }))
      await apply(deployment('knative-eventing', 'eventing-controller', { [label]: eventing }))
    }
    await install('1.19.4', '1.22.2')
    expect(await complaints(knativeVersions)).toEqual(['Knative Serving does not run', 'Knative Eventing does not run'])
    await available('knative-serving', 'controller', 1)
    await available('knative-eventing', 'eventing-controller', 1)
    expect(await complaints(knativeVersions)).toEqual(['Knative Serving 1.19.4 is older than 1.20'])
    await install('1.23.0', 'devel')
    expect(await complaints(knativeVersions)).toEqual([expect.stringContaining('does not say its version')])
    await install('1.23.0', '1.22.2')
    expect(await complaints(knativeVersions)).toEqual([])
  })

  it('leaves its routes to Traefik', async () => {
    const network = (data: Record<string, string>): Promise<unknown> =>
      apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: 'knative-serving', name: 'config-network' },
        data,
      })
    expect(await complaints(knativeIngress)).toEqual([expect.stringContaining('Istio')])
    await network({ 'ingress-class': 'kourier.ingress.networking.knative.dev' })
    expect(await complaints(knativeIngress)).toEqual([expect.stringContaining('kourier')])
    await network({ 'ingress-class': 'traefik.ingress.networking.knative.dev' })
    expect(await complaints(knativeIngress)).toEqual([])
  })
})

describe('Traefik', () => {
  const wanted = [
    '--providers.kubernetesIngress.allowExternalNameServices',
    '--providers.kubernetesingress.allowemptyservices=true',
    '--providers.providersthrottleduration=50ms',
    '--providers.knative.throttleduration=50ms',
  ]
  const install = (args: readonly string[]): Promise<unknown> =>
    apply(deployment('traefik-system', 'traefik', {}, args))

  it('has the switches without which instances are 404', async () => {
    expect(await complaints(traefikSwitches)).toEqual([expect.stringContaining('no Traefik')])
    await install(wanted)
    await available('traefik-system', 'traefik', 1)
    expect(await complaints(traefikSwitches)).toEqual([])
    for (const [index, complaint] of ['every instance is 404', 'did not exist', 'up to 2 s', 'ingress'].entries()) {
      await install(wanted.filter((_, other) => other !== index))
      expect(await complaints(traefikSwitches)).toEqual([expect.stringContaining(complaint)])
    }
    await install([...wanted.slice(1), '--providers.kubernetesingress.allowexternalnameservices=false'])
    expect(await complaints(traefikSwitches)).toHaveLength(1)
    await install(['--configfile=/etc/traefik.yaml'])
    expect(await complaints(traefikSwitches)).toEqual([expect.stringContaining('configured by a file')])
  })

  it('has a certificate for the domain of the instances', async () => {
    const give = async (domain: string, notAfter: Date): Promise<unknown> =>
      apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: 'traefik-system', name: 'wildcard-tls' },
        data: { 'tls.crt': Buffer.from(await selfSigned(domain, notAfter)).toString('base64') },
      })
    const later = new Date(Date.now() + 86_400_000)
    expect(await complaints(certificate)).toEqual([expect.stringContaining('no wildcard certificate')])
    await give('*.example.org', later)
    expect(await complaints(certificate)).toEqual([expect.stringContaining('not for *.platxa.com')])
    await give('*.platxa.com', new Date(Date.now() - 3_600_000))
    expect(await complaints(certificate)).toEqual([expect.stringContaining('ended on')])
    await give('*.platxa.com', later)
    expect(await complaints(certificate)).toEqual([])
  })
})

async function selfSigned(name: string, notAfter: Date): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const made = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=test',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  })
  return made.toString('pem')
}
