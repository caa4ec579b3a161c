import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { ConfigMap, Namespace, Pod } from 'kubernetes-types/core/v1.js'
import { describe, expect, it } from 'vitest'

import { isAlreadyExists, isConflict, isForbidden, isNotFound, KubernetesError } from '#shared/k8s/errors.ts'
import { allow, asServiceAccount, cluster, testNamespace } from '#test/world/cluster.ts'

const { signal } = new AbortController()
const fieldManager = 'test'
const v1 = { apiVersion: 'v1' } as const

const configMap = (namespace: string, name: string, data: Record<string, string> = {}): ConfigMap => ({
  ...v1,
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
})

const deployment = (namespace: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'none.local/web' }] },
    },
  },
})
const web = (namespace: string) => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' })

async function faultOf(call: Promise<unknown>): Promise<KubernetesError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof KubernetesError)) throw new Error(`expected a KubernetesError, got ${String(error)}`)
  return error
}

describe('get', () => {
  it('gives the object with every field the server has', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const found = await kubernetes.get<Namespace>({ ...v1, kind: 'Namespace', name: namespace }, { signal })
    expect(found).toMatchObject({
      ...v1,
      kind: 'Namespace',
      metadata: { name: namespace },
      status: { phase: 'Active' },
    })
    expect(found?.metadata?.creationTimestamp).toBeTypeOf('string')
  })

  it('gives undefined for what is not there', async () => {
    const kubernetes = await cluster()
    const ref = { ...v1, kind: 'ConfigMap', namespace: await testNamespace(), name: 'absent' }
    expect(await kubernetes.get<ConfigMap>(ref, { signal })).toBeUndefined()
  })
})

describe('list', () => {
  it('gives all pages, each object with its kind', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const names = Array.from({ length: 7 }, (_, index) => `page-${index}`)
    for (const name of names) await kubernetes.create(configMap(namespace, name), { signal })
    const found: ConfigMap[] = []
    const fieldSelector = 'metadata.name!=kube-root-ca.crt'
    for await (const item of kubernetes.list<ConfigMap>(
      { ...v1, kind: 'ConfigMap', namespace },
      { limit: 3, fieldSelector, signal },
    )) {
      found.push(item)
    }
    expect(found.map((item) => item.metadata?.name)).toEqual(names)
    expect(new Set(found.map((item) => `${item.apiVersion} ${item.kind}`))).toEqual(new Set(['v1 ConfigMap']))
  })

  it('reads no page that nobody asks for', async () => {
    const kubernetes = await cluster()
    const pages = kubernetes.list<Namespace>({ ...v1, kind: 'Namespace' }, { limit: 1, signal })
    const first = await pages.next()
    await pages.return(undefined)
    expect(first.done).toBe(false)
    expect(await pages.next()).toEqual({ done: true, value: undefined })
  })

  it('selects by label and, without a namespace, in all of them', async () => {
    const kubernetes = await cluster()
    const [a, b] = [await testNamespace(), await testNamespace()]
    for (const namespace of [a, b]) {
      const object = configMap(namespace, 'labelled')
      await kubernetes.create({ ...object, metadata: { ...object.metadata, labels: { lot: a } } }, { signal })
      await kubernetes.create(configMap(namespace, 'plain'), { signal })
    }
    const found: (string | undefined)[] = []
    for await (const item of kubernetes.list<ConfigMap>(
      { ...v1, kind: 'ConfigMap' },
      { labelSelector: `lot=${a}`, signal },
    )) {
      found.push(item.metadata?.namespace)
    }
    expect(new Set(found)).toEqual(new Set([a, b]))
  })

  it('leaves out what nobody will look at, and nothing else', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    await kubernetes.create({ ...configMap(namespace, 'one'), data: { managedFields: '{}' } }, { signal })
    const kind = { ...v1, kind: 'ConfigMap', namespace }
    const one = async (leaveOut: readonly string[]) => {
      const found = await Array.fromAsync(kubernetes.list<ConfigMap>(kind, { leaveOut, signal }))
      return found.find(({ metadata }) => metadata?.name === 'one')
    }
    const whole = await one([])
    expect(whole?.metadata?.managedFields).toHaveLength(1)
    expect(await one(['managedFields'])).toEqual({ ...whole, metadata: { ...whole?.metadata, managedFields: null } })
  })
})

describe('create', () => {
  it('refuses what is there already', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    await kubernetes.create(configMap(namespace, 'once'), { signal })
    const error = await faultOf(kubernetes.create(configMap(namespace, 'once'), { signal }))
    expect(isAlreadyExists(error)).toBe(true)
    expect(isConflict(error)).toBe(false)
    expect(error.details.name).toBe('once')
  })

  it('says which field of an invalid object is wrong', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const error = await faultOf(kubernetes.create(configMap(namespace, 'Not_A_Name'), { signal }))
    expect(error).toMatchObject({ status: 422, reason: 'Invalid' })
    expect(error.details.causes?.map(({ field }) => field)).toEqual(['metadata.name'])
  })

  it('repeats no value of a refused Secret', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const secret = { ...v1, kind: 'Secret', metadata: { name: 's', namespace } }
    const password = 'correct horse battery staple'
    const oversized = { ...secret, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': password } }
    for (const refused of [
      oversized,
      { ...secret, data: { password } },
      { ...secret, stringData: { '/': password } },
    ]) {
      const error = await faultOf(kubernetes.create(refused, { signal }))
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('horse')
    }
  })
})

describe('apply', () => {
  it('creates, changes and changes nothing when nothing is new', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const apply = (data: Record<string, string>) =>
      kubernetes.apply(configMap(namespace, 'applied', data), { fieldManager, signal })
    const first = await apply({ a: '1', b: '1' })
    const second = await apply({ a: '2' })
    const third = await apply({ a: '2' })
    expect(second.data).toEqual({ a: '2' })
    expect(second.metadata?.uid).toBe(first.metadata?.uid)
    expect(third.metadata?.resourceVersion).toBe(second.metadata?.resourceVersion)
  })

  it('conflicts with the manager that owns a field, unless forced', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    await kubernetes.apply(configMap(namespace, 'owned', { a: 'mine' }), { fieldManager, signal })
    const theirs = configMap(namespace, 'owned', { a: 'theirs' })
    const error = await faultOf(kubernetes.apply(theirs, { fieldManager: 'other', force: false, signal }))
    expect(isConflict(error)).toBe(true)
    expect(error.details.causes).toMatchObject([{ reason: 'FieldManagerConflict', field: '.data.a' }])
    const forced = await kubernetes.apply(theirs, { fieldManager: 'other', signal })
    expect(forced.data).toEqual({ a: 'theirs' })
  })

  it('leaves fields of others alone', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    await kubernetes.apply(deployment(namespace), { fieldManager, signal })
    await kubernetes.scale(web(namespace), 0, { signal })
    const again = await kubernetes.apply(deployment(namespace), { fieldManager, signal })
    expect(again.spec?.replicas).toBe(0)
  })
})

describe('patch', () => {
  it.each([
    { type: 'merge', body: { data: { b: '2' } } },
    { type: 'strategic', body: { data: { b: '2' } } },
    { type: 'json', body: [{ op: 'add', path: '/data/b', value: '2' }] },
  ] as const)('changes one field by a $type patch', async ({ type, body }) => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    await kubernetes.create(configMap(namespace, 'patched', { a: '1' }), { signal })
    const ref = { ...v1, kind: 'ConfigMap', namespace, name: 'patched' }
    expect(await kubernetes.patch<ConfigMap>(ref, body, { type, signal })).toMatchObject({ data: { a: '1', b: '2' } })
  })

  it('reaches a subresource', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const pod: Pod = {
      ...v1,
      kind: 'Pod',
      metadata: { name: 'p', namespace },
      spec: { containers: [{ name: 'c', image: 'none.local/c' }], automountServiceAccountToken: false },
    }
    await kubernetes.apply(
      { ...v1, kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
      { fieldManager, signal },
    )
    await kubernetes.create(pod, { signal })
    const ref = { ...v1, kind: 'Pod', namespace, name: 'p' }
    const body = { status: { podIP: '127.0.0.9' } }
    const patched = await kubernetes.patch<Pod>(ref, body, { type: 'merge', subresource: 'status', signal })
    expect(patched.status?.podIP).toBe('127.0.0.9')
  })
})

describe('scale', () => {
  async function made() {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const { metadata } = await kubernetes.create(deployment(namespace), { signal })
    return { kubernetes, ref: web(namespace), uid: metadata?.uid ?? '' }
  }

  it('moves the replicas and says where they are', async () => {
    const { kubernetes, ref } = await made()
    expect(await kubernetes.scale(ref, 3, { signal })).toEqual({ replicas: 3, resourceVersion: expect.any(String) })
    expect((await kubernetes.scale(ref, 0, { signal })).replicas).toBe(0)
  })

  it('conflicts when the Deployment changed since it was looked at', async () => {
    const { kubernetes, ref } = await made()
    const seen = await kubernetes.scale(ref, 1, { signal })
    await kubernetes.patch(ref, { metadata: { annotations: { a: 'b' } } }, { type: 'merge', signal })
    const { resourceVersion } = seen
    expect(isConflict(await faultOf(kubernetes.scale(ref, 0, { resourceVersion, signal })))).toBe(true)
    const now = await kubernetes.get<Deployment>(ref, { signal })
    expect(now?.spec?.replicas).toBe(1)
  })

  it('scales with the resourceVersion that is still true', async () => {
    const { kubernetes, ref, uid } = await made()
    await kubernetes.scale(ref, 2, { signal })
    // the Deployment's own controller writes its status meanwhile: look, act, and look again when it was in between
    const lookAndScale = async () => {
      const now = await kubernetes.get<Deployment>(ref, { signal })
      const resourceVersion = now?.metadata?.resourceVersion ?? ''
      return await kubernetes.scale(ref, 0, { uid, resourceVersion, signal }).then(({ replicas }) => replicas, String)
    }
    await expect.poll(lookAndScale).toBe(0)
  })

  it('conflicts with a Deployment of the same name that was made since', async () => {
    const { kubernetes, ref } = await made()
    const error = await faultOf(kubernetes.scale(ref, 0, { uid: '00000000-0000-0000-0000-000000000000', signal }))
    expect(isConflict(error)).toBe(true)
    expect(error.call).toMatchObject({ verb: 'patch', resource: 'deployments/scale', name: 'web' })
  })

  it('says that there is no such Deployment', async () => {
    const kubernetes = await cluster()
    expect(isNotFound(await faultOf(kubernetes.scale(web(await testNamespace()), 1, { signal })))).toBe(true)
  })
})

describe('delete', () => {
  it('says whether there was anything', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    await kubernetes.create(configMap(namespace, 'short'), { signal })
    const ref = { ...v1, kind: 'ConfigMap', namespace, name: 'short' }
    expect(await kubernetes.delete(ref, { signal })).toBe(true)
    expect(await kubernetes.delete(ref, { signal })).toBe(false)
  })

  it('deletes only the object whose UID was named', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    const { metadata } = await kubernetes.create(configMap(namespace, 'mine'), { signal })
    const ref = { ...v1, kind: 'ConfigMap', namespace, name: 'mine' }
    expect(isConflict(await faultOf(kubernetes.delete(ref, { uid: namespace, signal })))).toBe(true)
    expect(await kubernetes.delete(ref, { uid: metadata?.uid ?? '', signal })).toBe(true)
  })

  it('deletes an object while something still holds it back', async () => {
    const kubernetes = await cluster()
    const namespace = await testNamespace()
    await kubernetes.create(deployment(namespace), { signal })
    expect(await kubernetes.delete(web(namespace), { propagationPolicy: 'Foreground', signal })).toBe(true)
  })
})

describe('what RBAC does not allow', () => {
  it('is an error that names verb and resource', async () => {
    const namespace = await testNamespace()
    const nobody = await asServiceAccount(namespace, 'nobody')
    const error = await faultOf(nobody.scale(web(namespace), 1, { signal }))
    expect(isForbidden(error)).toBe(true)
    expect(error.call).toEqual({ verb: 'patch', resource: 'deployments/scale', name: 'web', namespace })
    expect(error.message).toMatch(`patch deployments/scale web in ${namespace}: 403 Forbidden: `)
    expect(error.message).toContain(`system:serviceaccount:${namespace}:nobody`)
  })

  it('becomes possible with the role', async () => {
    const namespace = await testNamespace()
    await allow(namespace, 'reader', [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }])
    const reader = await asServiceAccount(namespace, 'reader')
    const ref = { ...v1, kind: 'ConfigMap', namespace, name: 'absent' }
    await expect.poll(() => reader.get(ref, { signal }).then(() => 'allowed', String)).toBe('allowed')
  })
})

it('ends a call with the reason of the caller', async () => {
  const kubernetes = await cluster()
  const reason = new Error('no longer wanted')
  const call = kubernetes.get({ ...v1, kind: 'Namespace', name: 'default' }, { signal: AbortSignal.abort(reason) })
  await expect(call).rejects.toBe(reason)
})

it('refuses everything after it was closed', async () => {
  const namespace = await testNamespace()
  const kubernetes = await asServiceAccount(namespace, 'closed')
  await kubernetes.close()
  const error = await faultOf(kubernetes.get({ ...v1, kind: 'ConfigMap', namespace, name: 'a' }, { signal }))
  expect(error).toMatchObject({ status: 0, reason: 'Unreachable' })
})
