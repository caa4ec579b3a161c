// A tenant's pod gets no token. Should one be had all the same, it is worth nothing: neither in another instance's
// namespace nor in its own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deploymentOf, fieldManager, namespaceOf, objectNames } from '#shared/instance/names.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import { isForbidden } from '#shared/k8s/errors.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { installManifests, within } from '#test/functions/provision/world.ts'
import { platformOf, secrets, specOf } from '#test/shared/instance/builders.ts'
import { asServiceAccount, cluster } from '#test/world/cluster.ts'
import { freshName } from '#test/world/postgres.ts'

const call = () => ({ signal: within() })
const ref = (apiVersion: string, kind: string, namespace: string, name: string) => ({
  apiVersion,
  kind,
  namespace,
  name,
})
const manifest = (apiVersion: string, kind: string, namespace: string) => ({
  apiVersion,
  kind,
  metadata: { name: 'mine', namespace },
})

interface There {
  readonly namespace: string
  readonly deployment: string
}
const attempts: readonly (readonly [string, (tenant: Kubernetes, there: There) => Promise<unknown>])[] = [
  ['read the Secret', (k, { namespace }) => k.get(ref('v1', 'Secret', namespace, objectNames.secret), call())],
  ['read odoo.conf', (k, { namespace }) => k.get(ref('v1', 'ConfigMap', namespace, objectNames.config), call())],
  ['list the Secrets', (k, { namespace }) => listed(k, 'v1', 'Secret', namespace)],
  ['list the pods', (k, { namespace }) => listed(k, 'v1', 'Pod', namespace)],
  ['read the Deployment', (k, at) => k.get(ref('apps/v1', 'Deployment', at.namespace, at.deployment), call())],
  ['wake it', (k, at) => k.scale(ref('apps/v1', 'Deployment', at.namespace, at.deployment), 1, call())],
  ['put it to sleep', (k, at) => k.scale(ref('apps/v1', 'Deployment', at.namespace, at.deployment), 0, call())],
  ['run a pod', (k, { namespace }) => k.create(manifest('v1', 'Pod', namespace), call())],
  ['let itself in', (k, at) => k.create(manifest('rbac.authorization.k8s.io/v1', 'RoleBinding', at.namespace), call())],
  ['open the walls', (k, at) => k.create(manifest('networking.k8s.io/v1', 'NetworkPolicy', at.namespace), call())],
  ['get a token of the front door', (k) => k.request('POST', tokenPath('traefik-system', 'wake'), call())],
  ['get a token of its own', (k, { namespace }) => k.request('POST', tokenPath(namespace, 'default'), call())],
  ['delete it', (k, { namespace }) => k.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, call())],
  ['list all instances', (k) => listed(k, 'v1', 'Namespace')],
]

function tokenPath(namespace: string, account: string): string {
  return `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
}

async function listed(kubernetes: Kubernetes, apiVersion: string, kind: string, namespace?: string): Promise<unknown> {
  return Array.fromAsync(kubernetes.list({ apiVersion, kind, ...(namespace && { namespace }) }, call()))
}

describe('with the token of a tenant', () => {
  let own: There
  let others: There
  beforeAll(async () => {
    await installManifests()
    own = await instance()
    others = await instance()
  })
  afterAll(async () => {
    for (const { namespace: name } of [own, others]) {
      await (await cluster()).delete({ apiVersion: 'v1', kind: 'Namespace', name }, call())
    }
  })

  it.each(attempts)('nobody can %s, in another instance or in its own', async (_, attempt) => {
    const tenant = await asServiceAccount(own.namespace, 'default')
    for (const there of [others, own]) await expect(attempt(tenant, there)).rejects.toSatisfy(isForbidden)
  })
})

async function instance(): Promise<There> {
  const name = freshName()
  const kubernetes = await cluster()
  const options = { fieldManager, signal: within() }
  const objects = instanceObjects(specOf({ name, hosts: [`${name}.platxa.com`] }), platformOf(), secrets)
  for (const object of objects) await kubernetes.apply(object, options)
  return { namespace: namespaceOf(name), deployment: deploymentOf(name) }
}
