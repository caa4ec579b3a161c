// All objects of every tier on a real API server, with quota, limits and Pod Security in force: what we render must be
// what it takes, and the walls must stand where we think they do.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Job } from 'kubernetes-types/batch/v1.js'
import type { Pod, ResourceQuota } from 'kubernetes-types/core/v1.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fieldManager, namespaceOf } from '#shared/instance/names.ts'
import type { KubernetesObject } from '#shared/instance/object.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import { readInstance } from '#shared/instance/read.ts'
import { readSecrets } from '#shared/instance/secret.ts'
import { readSpec } from '#shared/instance/spec.ts'
import { jobEnvelope } from '#shared/instance/tiers.ts'
import type { Manifest } from '#shared/k8s/kubernetes.ts'
import { cluster } from '#test/world/cluster.ts'
import { platformOf, secrets, specOf } from './builders.ts'

const limitMs = 60_000
const signal = () => AbortSignal.timeout(limitMs)

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`${what} did not come within ${limitMs} ms`)
    await sleep(100)
  }
}

async function applied(objects: readonly KubernetesObject[]): Promise<readonly KubernetesObject[]> {
  const kubernetes = await cluster()
  const results: KubernetesObject[] = []
  for (const object of objects) results.push(await kubernetes.apply(object, { fieldManager, signal: signal() }))
  return results
}

async function freshInstance(changes: object, settings: Record<string, string> = {}) {
  const name = `t${randomBytes(5).toString('hex')}`
  const spec = specOf({ name, hosts: [`${name}.platxa.com`, 'erp.example.org'], ...changes })
  const platform = platformOf({ CUSTOM_HOSTS_ISSUER: 'letsencrypt', ...settings })
  const namespace = namespaceOf(name)
  onTestFinished(async () => {
    await (await cluster()).delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, { signal: signal() })
  })
  const objects = instanceObjects(spec, platform, secrets)
  return { spec, platform, namespace, objects, results: await applied(objects) }
}

async function podsOf(namespace: string, labelSelector: string): Promise<readonly Pod[]> {
  const pods = (await cluster()).list<Pod>(
    { apiVersion: 'v1', kind: 'Pod', namespace },
    { labelSelector, signal: signal() },
  )
  return Array.fromAsync(pods)
}

/** A maintenance Job as large as the envelope allows. */
function job(namespace: string): Job & KubernetesObject {
  const labels = { 'app.kubernetes.io/instance': namespace.replace('instance-', '') }
  const { cpuRequestMillis, cpuLimitMillis, memoryRequestMi, memoryLimitMi } = jobEnvelope
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'backup', namespace, labels },
    spec: {
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 100, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'backup',
              image: 'odoo:19.0',
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
              resources: {
                requests: { cpu: `${cpuRequestMillis}m`, memory: `${memoryRequestMi}Mi` },
                limits: { cpu: `${cpuLimitMillis}m`, memory: `${memoryLimitMi}Mi` },
              },
            },
          ],
        },
      },
    },
  }
}

describe('the objects of an instance on a real API server', () => {
  it.each(
    ['free', 'pro', 'team', 'enterprise'].flatMap((tier) => ['on', 'off'].map((pooler) => [tier, pooler] as const)),
  )(
    '%s with pooler %s: the Odoo pod and one maintenance Job are admitted, and they fill the quota',
    async (tier, pooler) => {
      const kubernetes = await cluster()
      const { namespace } = await freshInstance({ tier }, { POOLER: pooler })

      const [pod] = await until('the Odoo pod', async () => {
        const pods = await podsOf(namespace, 'app=odoo')
        return pods.length > 0 ? pods : undefined
      })
      expect(pod?.spec?.initContainers?.length ?? 0).toBe(pooler === 'on' ? 1 : 0)

      await kubernetes.apply(job(namespace), { fieldManager: 'test', signal: signal() })
      await until('the pod of the Job', async () => (await podsOf(namespace, 'job-name=backup'))[0])

      const quota = { apiVersion: 'v1', kind: 'ResourceQuota', namespace, name: 'instance-quota' }
      const status = await until('the count of both pods', async () => {
        const read = await kubernetes.get<ResourceQuota>(quota, { signal: signal() })
        return read?.status?.used?.['pods'] === '2' ? read.status : undefined
      })
      for (const key of ['requests.cpu', 'limits.cpu', 'requests.memory', 'limits.memory']) {
        expect([key, status.used?.[key]]).toEqual([key, status.hard?.[key]])
      }
    },
  )

  it.each(['14', '15', '16', '17', '18', '19'])('series %s is admitted too', async (odooVersion) => {
    const { namespace } = await freshInstance({ odooVersion })
    await until('the Odoo pod', async () => (await podsOf(namespace, 'app=odoo'))[0])
  })

  it('applied twice is no change at all', async () => {
    const { objects, results } = await freshInstance({})
    const versions = (some: readonly KubernetesObject[]) =>
      some
        .filter(({ kind }) => kind !== 'Deployment' && kind !== 'ResourceQuota' && kind !== 'PersistentVolumeClaim')
        .map(({ kind, metadata }) => [kind, metadata.name, Reflect.get(metadata, 'resourceVersion')])
    const again = await applied(objects)
    expect(versions(again)).toEqual(versions(results))
    const generation = (some: readonly KubernetesObject[]) =>
      some.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => Reflect.get(metadata, 'generation'))
    expect(generation(again)).toEqual(generation(results))
  })

  it('comes back as it was written, secrets included', async () => {
    const kubernetes = await cluster()
    const { spec, namespace } = await freshInstance({ tier: 'free', route: 'direct' })
    const read = async <T>(apiVersion: string, kind: string, name: string) =>
      kubernetes.get<T>({ apiVersion, kind, name, namespace }, { signal: signal() })
    const deployment = await read<Deployment>('apps/v1', 'Deployment', `odoo-${spec.name}`)
    expect(readInstance(deployment ?? {})).toMatchObject({
      name: spec.name,
      namespace,
      hosts: [`${spec.name}.platxa.com`, 'erp.example.org'],
      tier: 'free',
      status: 'active',
      replicas: 1,
      workers: 0,
      websocketPort: 8069,
    })
    expect(readSecrets((await read('v1', 'Secret', 'odoo-secrets')) ?? {})).toEqual({ ...secrets, version: 1 })
    const home = await kubernetes.get<object>(
      { apiVersion: 'v1', kind: 'Namespace', name: namespace },
      { signal: signal() },
    )
    expect(readSpec(home ?? {})).toEqual(spec)
  })

  it('leaves an instance asleep when its objects are applied again', async () => {
    const kubernetes = await cluster()
    const { spec, objects, namespace } = await freshInstance({})
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: `odoo-${spec.name}` }
    await kubernetes.scale(ref, 0, { signal: signal() })
    await applied(objects)
    expect(readInstance((await kubernetes.get<Deployment>(ref, { signal: signal() })) ?? {})?.replicas).toBe(0)
  })

  it('refuses a port of the node, a pod without walls and a pod beyond the quota', async () => {
    const kubernetes = await cluster()
    const { namespace } = await freshInstance({ tier: 'free' })
    await until('the Odoo pod', async () => (await podsOf(namespace, 'app=odoo'))[0])
    const create = (object: Manifest & { readonly spec: object }) => kubernetes.create(object, { signal: signal() })
    const nodePort = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'open', namespace },
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    }
    await expect(create(nodePort)).rejects.toThrow(/services.nodeports/)
    const { metadata, spec: { template } = { template: {} } } = job(namespace)
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...template.spec } }
    await expect(create({ ...pod, spec: { ...pod.spec, hostNetwork: true } })).rejects.toThrow(
      /PodSecurity "restricted/,
    )
    await create(pod)
    await expect(create({ ...pod, metadata: { ...metadata, name: 'second' } })).rejects.toThrow(/exceeded quota/)
  })
})
