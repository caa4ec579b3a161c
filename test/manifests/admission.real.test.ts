// manifests/base on a real API server: taken as they are, and every function may do its work and nothing else. A control
// plane of its own, because the policies would judge the service accounts of other tests too.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { RoleBinding } from 'kubernetes-types/rbac/v1.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fieldManager, namespaceOf } from '#shared/instance/names.ts'
import { namespace } from '#shared/instance/namespace.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import { scaleBinding, tenantAdminBinding } from '#shared/instance/role-bindings.ts'
import { connect } from '#shared/k8s/connect.ts'
import { isForbidden } from '#shared/k8s/errors.ts'
import { recordEvent } from '#shared/k8s/event.ts'
import type { Kubernetes, KindRef, Manifest, Ref } from '#shared/k8s/kubernetes.ts'
import { platformOf, secrets, specOf } from '#test/shared/instance/builders.ts'
import { ownControlPlane, type OwnControlPlane } from '#test/world/cluster.ts'
import { base, isKnative, ofKind } from './base.ts'

const limitMs = 30_000
const signal = () => AbortSignal.timeout(limitMs)
const by = () => ({ fieldManager, signal: signal() })

const platform = platformOf()
const shop = specOf({ name: 'shop' })
const other = specOf({ name: 'other', hosts: ['other.platxa.com'] })
const deployment: Ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'instance-shop', name: 'odoo-shop' }
const stranger: Ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'strangers', name: 'web' }
const grave: Ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'platxa', name: 'removed-shop' }
const plain = base.filter((object) => !isKnative(object))

let plane: OwnControlPlane
let admin: Kubernetes
const accounts = new Map<string, Kubernetes>()

async function allowed<T>(call: () => Promise<T>): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isForbidden(error) || performance.now() > end) throw error
      await sleep(50)
    }
  }
}

function as(account: string): Kubernetes {
  const client = accounts.get(account)
  if (!client) throw new Error(`no token for ${account}`)
  return client
}

async function logIn(account: string): Promise<void> {
  const [where = '', name = ''] = account.split('/')
  const { status } = await admin.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${where}/serviceaccounts/${name}/token`,
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }, signal: signal() },
  )
  accounts.set(account, await connect({ ...(await serverOf(plane.kubeconfig)), token: status.token }))
}

const kubeconfig = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.base64() }) }),
  ]),
})

async function serverOf(path: string): Promise<{ readonly server: string; readonly ca: string }> {
  const [{ cluster }] = kubeconfig.parse(JSON.parse(await readFile(path, 'utf8'))).clusters
  return { server: cluster.server, ca: Buffer.from(cluster['certificate-authority-data'], 'base64').toString('utf8') }
}

beforeAll(async () => {
  plane = await ownControlPlane(['etcd', 'kube-apiserver', 'kube-controller-manager'])
  admin = await connect({ kubeconfig: plane.kubeconfig })
  for (const object of plain) await admin.apply(object, by())
  for (const { metadata } of base.filter(({ kind }) => kind === 'ServiceAccount')) {
    await logIn(`${metadata.namespace}/${metadata.name}`)
  }
  await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'strangers' } }, by())
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'web', image: 'web' }] } }
  const spec = { replicas: 1, selector: { matchLabels: { a: 'b' } }, template }
  await admin.apply({ ...manifestOf(stranger), spec }, by())
  await policiesInForce()
}, 120_000)

/** The API server hears of new policies a moment later; each has a request that nothing else refuses. */
async function policiesInForce(): Promise<void> {
  const probe = (account: string, call: (client: Kubernetes) => Promise<unknown>) => refused(() => call(as(account)))
  await probe('platxa/provision', (k) => k.create(restricted('outside'), by()))
  await probe('platxa/provision', (k) => k.create(manifestOf(namespaceRef('instance-open')), by()))
}

async function refused(call: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + limitMs
  while (performance.now() < end) {
    const answer = await call().catch((error: unknown) => error)
    if (isForbidden(answer)) return
    await sleep(50)
  }
  throw new Error('a policy is not in force')
}

afterAll(async () => {
  await Promise.all([...accounts.values(), admin].map((client) => client.close()))
  await plane.end()
})

function manifestOf({ apiVersion, kind, name, namespace: place }: Ref): Manifest & { metadata: object } {
  return { apiVersion, kind, metadata: { name, ...(place !== undefined && { namespace: place }) } }
}

function event(client: Kubernetes, place: string): Promise<void> {
  const note = {
    regarding: { apiVersion: 'v1', kind: 'Namespace', name: place },
    reason: 'Woken',
    action: 'Wake',
    note: 'a visitor came',
    reportingController: 'platxa.io/wake',
    reportingInstance: 'wake-1',
    at: Temporal.Instant.from('2026-11-23T10:00:00Z'),
  }
  return recordEvent(client, note, signal())
}

const first = async (client: Kubernetes, kind: KindRef) => {
  for await (const object of client.list(kind, { signal: signal() })) return object
  return undefined
}
const pods = (place?: string): KindRef => ({ apiVersion: 'v1', kind: 'Pod', ...(place && { namespace: place }) })
const deployments: KindRef = { apiVersion: 'apps/v1', kind: 'Deployment' }
const merge = (client: Kubernetes, ref: Ref, body: object) =>
  client.patch(ref, body, { type: 'merge', signal: signal() })
const scale = (client: Kubernetes, ref: Ref, replicas: number) => client.scale(ref, replicas, { signal: signal() })
const remove = (client: Kubernetes, ref: Ref) => client.delete(ref, { signal: signal() })
const namespaceRef = (name: string): Ref => ({ apiVersion: 'v1', kind: 'Namespace', name })
const secretIn = (place: string): Ref => ({ apiVersion: 'v1', kind: 'Secret', namespace: place, name: 'odoo-secrets' })
const note = (key: string, value: string) => ({ metadata: { annotations: { [`platxa.io/${key}`]: value } } })

/** As Knative makes them, without its queue-proxy. */
const functionPods = ofKind('Service', 'serving.knative.dev/').map(({ metadata: { name }, spec }) => {
  const { template } = z
    .object({ template: z.object({ spec: z.looseObject({ containers: z.array(z.looseObject({})) }) }) })
    .parse(spec)
  const { timeoutSeconds: _, containerConcurrency: __, containers, ...pod } = template.spec
  return {
    name,
    spec: { ...pod, containers: containers.map((container) => ({ name: 'user-container', ...container })) },
  }
})

type Row = readonly [account: string, sentence: string, call: (client: Kubernetes) => Promise<unknown>]

const may: readonly Row[] = [
  ['platxa/sleep', 'put an instance to sleep', (k) => scale(k, deployment, 0)],
  ['traefik-system/wake', 'wake it', (k) => scale(k, deployment, 1)],
  ['traefik-system/wake', 'say why', (k) => merge(k, deployment, note('why', 'a visitor'))],
  ['platxa/sleep', 'say why', (k) => merge(k, deployment, note('why', 'nobody used it'))],
  ['traefik-system/wake', 'list all Deployments', (k) => first(k, deployments)],
  ['traefik-system/wake', 'list all pods', (k) => first(k, pods())],
  ['traefik-system/wake', 'record an event on an instance', (k) => event(k, 'instance-shop')],
  ['platxa/sleep', 'list the wake replicas', (k) => first(k, pods('traefik-system'))],
  ['platxa/sleep', 'find that an instance is gone', (k) => k.get({ ...deployment, namespace: 'instance-gone' }, by())],
  ['platxa/scan-idle', 'list all Deployments', (k) => first(k, deployments)],
  ['platxa/scan-idle', 'list the wake replicas', (k) => first(k, pods('traefik-system'))],
  ['platxa/provision', 'read the Secret it made', (k) => k.get(secretIn('instance-shop'), by())],
  ['platxa/provision', 'find that an instance is new', (k) => k.get(namespaceRef('instance-gone'), by())],
  ['platxa/change-tier', 'read a revision', (k) => k.get(namespaceRef('instance-shop'), by())],
  ['platxa/change-tier', 'write a revision', (k) => merge(k, namespaceRef('instance-shop'), note('revision', '8'))],
  ['platxa/change-status', 'write a revision', (k) => merge(k, namespaceRef('instance-shop'), note('revision', '8'))],
  ['platxa/change-status', 'put an instance to sleep', (k) => scale(k, deployment, 0)],
  ['platxa/dead-letter', 'record an event on an instance', (k) => event(k, 'instance-shop')],
  ['platxa/provision', 'read a tombstone', (k) => k.get(grave, by())],
  ['platxa/remove', 'leave a tombstone', (k) => k.apply(manifestOf(grave), by())],
  ['platxa/remove', 'find tombstones', (k) => first(k, { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'platxa' })],
  ['platxa/remove', 'take a tombstone away', (k) => remove(k, grave)],
  ['platxa/remove', 'find that an instance is gone', (k) => k.get({ ...deployment, namespace: 'instance-gone' }, by())],
  ['platxa/remove', 'keep wake away', (k) => merge(k, namespaceRef('instance-shop'), note('why', 'removed'))],
  ['platxa/remove', 'put an instance to sleep', (k) => scale(k, deployment, 0)],
  ['platxa/remove', 'see the pods of an instance go', (k) => first(k, pods('instance-shop'))],
]

const mayNot: readonly Row[] = [
  ['platxa/provision', 'make a namespace of another name', (k) => k.create(restricted('shop'), by())],
  ['platxa/provision', 'make one that only ends like an instance', (k) => k.create(restricted('my-instance-x'), by())],
  ['platxa/provision', 'make a namespace without walls', (k) => k.create(manifestOf(namespaceRef('instance-x')), by())],
  [
    'platxa/provision',
    'take the walls of one away',
    (k) =>
      merge(k, namespaceRef('instance-shop'), { metadata: { labels: { 'pod-security.kubernetes.io/enforce': null } } }),
  ],
  [
    'platxa/provision',
    'touch the namespace of the cluster',
    (k) => merge(k, namespaceRef('kube-system'), note('spec', '{}')),
  ],
  [
    'platxa/provision',
    'let itself into kube-system',
    (k) => k.apply(inside(tenantAdminBinding(shop, platform), 'kube-system'), by()),
  ],
  [
    'platxa/provision',
    'let itself into its own namespace',
    (k) => k.apply(inside(scaleBinding(shop, platform), 'platxa'), by()),
  ],
  [
    'platxa/provision',
    'hand out another role',
    (k) => k.apply(bindingTo('cluster-admin', 'ServiceAccount', 'platxa'), by()),
  ],
  ['platxa/provision', 'let a person in', (k) => k.apply(bindingTo('platxa-scale', 'User', undefined), by())],
  [
    'platxa/provision',
    'let a tenant in',
    (k) => k.apply(bindingTo('platxa-scale', 'ServiceAccount', 'instance-shop'), by()),
  ],
  [
    'platxa/provision',
    'read a Secret of the platform',
    (k) => k.get({ ...secretIn('platxa'), name: 'platxa-postgres' }, by()),
  ],
  ['platxa/provision', 'delete an instance', (k) => remove(k, namespaceRef('instance-shop'))],
  ['platxa/provision', 'run a pod', (k) => k.create(manifestOf({ ...pods('instance-shop'), name: 'x' }), by())],
  ['traefik-system/wake', 'put an instance to sleep', (k) => scale(k, deployment, 0)],
  ['traefik-system/wake', 'start two of one', (k) => scale(k, deployment, 2)],
  ['platxa/sleep', 'wake an instance', (k) => scale(k, deployment, 1)],
  ['traefik-system/wake', 'change the spec', (k) => merge(k, deployment, { spec: { revisionHistoryLimit: 9 } })],
  ['traefik-system/wake', 'scale by the spec', (k) => merge(k, deployment, { spec: { replicas: 5 } })],
  ['platxa/sleep', 'change the spec', (k) => merge(k, deployment, { spec: { paused: true } })],
  [
    'traefik-system/wake',
    'change a label',
    (k) => merge(k, deployment, { metadata: { labels: { 'platxa.io/status': 'active2' } } }),
  ],
  ['traefik-system/wake', 'add a finalizer', (k) => merge(k, deployment, { metadata: { finalizers: ['x.io/y'] } })],
  ['traefik-system/wake', 'route a host elsewhere', (k) => merge(k, deployment, note('hosts', 'bank.example.org'))],
  ['platxa/sleep', 'forget the hosts', (k) => merge(k, deployment, { metadata: { annotations: null } })],
  ['traefik-system/wake', 'wake what is no instance', (k) => scale(k, stranger, 1)],
  ['traefik-system/wake', 'annotate what is no instance', (k) => merge(k, stranger, note('why', 'x'))],
  ['traefik-system/wake', 'read a Secret', (k) => k.get(secretIn('instance-shop'), by())],
  ['traefik-system/wake', 'delete a pod', (k) => remove(k, { ...pods('instance-shop'), name: 'x' })],
  ['traefik-system/wake', 'record an event elsewhere', (k) => event(k, 'platxa')],
  ['platxa/sleep', 'list the pods of tenants', (k) => first(k, pods('instance-shop'))],
  ['platxa/sleep', 'list all Deployments', (k) => first(k, deployments)],
  ['platxa/scan-idle', 'put an instance to sleep', (k) => scale(k, deployment, 0)],
  ['platxa/scan-idle', 'list all pods', (k) => first(k, pods())],
  ['platxa/change-tier', 'make a namespace', (k) => k.create(restricted('instance-x'), by())],
  [
    'platxa/change-tier',
    'write to a namespace that is no instance',
    (k) => merge(k, namespaceRef('strangers'), note('revision', '8')),
  ],
  ['platxa/change-status', 'delete an instance', (k) => remove(k, namespaceRef('instance-shop'))],
  ['platxa/remove', 'read a Secret of an instance', (k) => k.get(secretIn('instance-shop'), by())],
  [
    'platxa/remove',
    'write to a namespace that is no instance',
    (k) => merge(k, namespaceRef('strangers'), note('revision', '8')),
  ],
  ['platxa/remove', 'delete a namespace of another kind', (k) => remove(k, namespaceRef('strangers'))],
  [
    'platxa/remove',
    'turn a knob',
    (k) => merge(k, { ...grave, name: 'platxa-functions' }, { data: { POOLER: 'off' } }),
  ],
  ['platxa/remove', 'take all knobs away', (k) => remove(k, { ...grave, name: 'platxa-functions' })],
  [
    'platxa/remove',
    'leave a tombstone elsewhere',
    (k) => k.apply(manifestOf({ ...grave, namespace: 'default' }), by()),
  ],
  ['platxa/provision', 'leave a tombstone', (k) => k.apply(manifestOf(grave), by())],
  ['platxa/remove', 'delete the platform', (k) => remove(k, namespaceRef('platxa'))],
  ['platxa/dead-letter', 'record an event elsewhere', (k) => event(k, 'platxa')],
  ['platxa/dead-letter', 'read a Secret', (k) => k.get(secretIn('instance-shop'), by())],
  ['platxa/relay-alerts', 'list anything', (k) => first(k, { apiVersion: 'v1', kind: 'Namespace' })],
]

function restricted(name: string): Manifest {
  const metadata = { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } }
  return { ...manifestOf(namespaceRef(name)), metadata }
}

function inside(binding: ReturnType<typeof scaleBinding>, place: string): Manifest {
  return { ...binding, metadata: { ...binding.metadata, namespace: place } }
}

function bindingTo(role: string, kind: string, place: string | undefined): RoleBinding {
  const binding = scaleBinding(shop, platform)
  const apiGroup = kind === 'User' ? 'rbac.authorization.k8s.io' : ''
  const subject = { kind, name: 'x', apiGroup, ...(place !== undefined && { namespace: place }) }
  return {
    ...binding,
    metadata: { ...binding.metadata, name: `to-${role}-${kind.toLowerCase()}` },
    roleRef: { ...binding.roleRef, name: role },
    subjects: [subject],
  }
}

describe('manifests/base on a real API server', () => {
  it('is taken as it is, and the second time changes nothing', async () => {
    // Controllers write a status now and then: where there is one, the generation says whether we changed anything.
    const versions = async () => {
      const applied = await Promise.all(plain.map((object) => admin.apply<Manifest>(object, by())))
      return applied.map(({ metadata }) => Reflect.get(metadata ?? {}, 'generation') ?? metadata?.resourceVersion)
    }
    expect(await versions()).toEqual(await versions())
  })

  it.each(functionPods)('admits the pod of $name where Pod Security is restricted', async ({ name, spec }) => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: `${name}-pod`, namespace: 'platxa' }, spec }
    await admin.create(pod, by())
  })

  it('lets provision make two instances whole, by its own rights alone', async () => {
    for (const spec of [shop, other]) {
      for (const object of instanceObjects(spec, platform, secrets)) {
        await allowed(() => as('platxa/provision').apply(object, by()))
      }
    }
    const made = await admin.get<Deployment>(deployment, by())
    expect(made?.metadata?.annotations?.['platxa.io/hosts']).toBe('shop.platxa.com')
  })

  describe('lets', () => {
    it.each(may)('%s %s', async (account, _, call) => {
      // RoleBindings may take a moment to be known.
      await allowed(() => call(as(account)))
    })
  })

  describe('does not let', () => {
    it.each(mayNot)('%s %s', async (account, _, call) => {
      await expect(call(as(account))).rejects.toSatisfy(isForbidden)
    })
  })

  it('says in its refusal who may not do what, and where', async () => {
    await expect(as('platxa/provision').create(restricted('shop'), by())).rejects.toThrow(
      'system:serviceaccount:platxa:provision may only change what is in a namespace instance-*, not namespaces in shop',
    )
    await expect(scale(as('traefik-system/wake'), deployment, 0)).rejects.toThrow('may only set replicas to 1')
  })

  it('does not let wake wake what is suspended, however late it asks', async () => {
    const asleep = { ...deployment, namespace: 'instance-other', name: 'odoo-other' }
    const label = (status: string) =>
      merge(admin, namespaceRef('instance-other'), { metadata: { labels: { 'platxa.io/status': status } } })
    await scale(admin, asleep, 0)
    await label('suspended')
    const refused = () => scale(as('traefik-system/wake'), asleep, 1).then(() => false, isForbidden)
    await expect.poll(refused, { timeout: limitMs }).toBe(true)
    await label('active')
    await allowed(() => scale(as('traefik-system/wake'), asleep, 1))
  })

  it('does not stand in an administrator’s way', async () => {
    await merge(admin, deployment, { spec: { revisionHistoryLimit: 4 } })
    await admin.apply(namespace(specOf({ name: 'third' })), by())
  })

  it('answers "may I?" to any of them', async () => {
    const review = await as('platxa/remove').request<{ status: { allowed: boolean } }>(
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      {
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { verb: 'delete', resource: 'namespaces' } },
        },
        signal: signal(),
      },
    )
    expect(review.status.allowed).toBe(true)
  })

  it('lets remove delete an instance', async () => {
    expect(await remove(as('platxa/remove'), namespaceRef(namespaceOf('other')))).toBe(true)
  })
})
