// What a container finds at its mount paths: files of ConfigMaps and Secrets, its own token, folders that stay.
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Event, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { keepToken, writeToken } from '#local/node/token.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { allow, cluster, server as apiServer, testNamespace } from '#test/world/cluster.ts'
import { silentLog } from '#test/world/postgres.ts'

import {
  ask,
  createPod,
  eventually,
  isReady,
  reasonOf,
  remove,
  server,
  type TestNode,
  testNode,
  until,
  untilGone,
} from './world.ts'

let world: TestNode
let kubernetes: Kubernetes
const { signal } = new AbortController()
beforeAll(async () => {
  kubernetes = await cluster()
  world = await testNode()
})
afterAll(() => world.end())

const rootOf = ({ metadata }: Pod): string =>
  join(world.stateDir, 'pods', `${metadata?.namespace}_${metadata?.name}`, 'run', 'root', 'main')

async function claim(namespace: string): Promise<void> {
  const object: PersistentVolumeClaim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: world.storageClass,
      resources: { requests: { storage: '1Gi' } },
    },
  }
  await kubernetes.create(object, { signal })
}

const withClaim = {
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
}

describe('a volume', () => {
  it('of a ConfigMap, a Secret or the pod itself is a folder of files at its mount path', async () => {
    const namespace = await testNamespace()
    const metadata = { name: 'files', namespace }
    await kubernetes.create(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'odoo.conf': '[options]', other: 'x' } },
      { signal },
    )
    await kubernetes.create({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { key: 'hidden' } }, { signal })
    const pod = await createPod(
      world,
      namespace,
      {
        volumes: [
          { name: 'config', configMap: { name: 'files', items: [{ key: 'odoo.conf', path: 'odoo.conf' }] } },
          { name: 'secret', secret: { secretName: 'files' } },
          { name: 'pod', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
          { name: 'tmp', emptyDir: {} },
        ],
      },
      {
        ...server(`fs.readFileSync(env.CONTAINER_ROOT + request.url, 'utf8')`),
        volumeMounts: [
          { name: 'config', mountPath: '/etc/odoo' },
          { name: 'config', mountPath: '/opt/one.conf', subPath: 'odoo.conf' },
          { name: 'secret', mountPath: '/secret' },
          { name: 'pod', mountPath: '/pod' },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    )
    const ready = await until(pod, isReady)
    expect(await eventually(() => ask(ready, '/etc/odoo/odoo.conf'))).toBe('[options]')
    expect(await ask(ready, '/opt/one.conf')).toBe('[options]')
    expect(await ask(ready, '/secret/key')).toBe('hidden')
    expect(await ask(ready, '/pod/name')).toBe('main')
    expect(await readdir(join(rootOf(pod), 'etc/odoo'))).toEqual(['odoo.conf'])
    expect((await stat(join(rootOf(pod), 'secret/key'))).mode & 0o077).toBe(0)
    await remove(pod)
    await untilGone(pod)
    expect(existsSync(rootOf(pod))).toBe(false)
  })

  it('of a ConfigMap that is missing keeps the pod waiting, and says so', async () => {
    const namespace = await testNamespace()
    const volumes = [{ name: 'config', configMap: { name: 'later' } }]
    const pod = await createPod(world, namespace, { volumes }, server('1'))
    const waiting = await until(pod, ({ status }) => status?.containerStatuses !== undefined)
    expect(reasonOf(waiting)).toBe('ContainerCreating')
    await eventually(async () => {
      const events = await Array.fromAsync(
        kubernetes.list<Event>({ apiVersion: 'v1', kind: 'Event', namespace }, { signal }),
      )
      const text = 'MountVolume.SetUp failed for volume "config" : configmap "later" not found'
      expect(events).toContainEqual(expect.objectContaining({ reason: 'FailedMount', message: text }))
    })
    await kubernetes.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'later', namespace } }, { signal })
    await until(pod, isReady)
  })
})

describe("a pod's token", () => {
  it('is its own, and may do what RBAC gives its service account and nothing else', async () => {
    const namespace = await testNamespace()
    const metadata = { name: 'reader', namespace }
    await kubernetes.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, { signal })
    await allow(namespace, 'reader', [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }])
    const spec = { serviceAccountName: 'reader', automountServiceAccountToken: true }
    const pod = await createPod(world, namespace, spec, server('JSON.stringify(env)'))
    const ready = await until(pod, isReady)
    const env: Record<string, string> = JSON.parse(await eventually(() => ask(ready)))
    const folder = env['SERVICE_ACCOUNT_DIR'] ?? ''
    expect((await readdir(folder)).toSorted()).toEqual(['ca.crt', 'namespace', 'token'])
    expect(await readFile(join(folder, 'namespace'), 'utf8')).toBe(namespace)

    // The same variables lead the same client library into the cluster.
    const inPod = await connect({ environment: env })
    const kind = { apiVersion: 'v1', kind: 'ConfigMap', namespace }
    await expect(Array.fromAsync(inPod.list(kind, { signal }))).resolves.toHaveLength(1)
    await expect(Array.fromAsync(inPod.list({ ...kind, kind: 'Secret' }, { signal }))).rejects.toThrow('forbidden')
    await inPod.close()
    const claims: unknown = JSON.parse(
      Buffer.from((await readFile(join(folder, 'token'), 'utf8')).split('.')[1] ?? '', 'base64url').toString(),
    )
    expect(claims).toMatchObject({ 'kubernetes.io': { pod: { name: 'main', uid: pod.metadata?.uid } } })
  })

  it('is renewed in its file before it ends', async () => {
    const namespace = await testNamespace()
    const pod = await createPod(world, namespace, {}, server('1'))
    const file = join(world.stateDir, 'renewed')
    const token = { file, pod, kubernetes, projection: { path: 'token', expirationSeconds: 600 } }
    const life = await writeToken(token, signal)
    expect(life).toBeGreaterThan(400_000)
    expect(life).toBeLessThanOrEqual(480_000)
    const first = await readFile(file, 'utf8')
    const ending = new AbortController()
    const keeping = keepToken(token, 10, silentLog, ending.signal)
    await eventually(async () => expect(await readFile(file, 'utf8')).not.toBe(first))
    ending.abort()
    await keeping
  })

  it('is worth nothing once the pod is gone', async () => {
    const namespace = await testNamespace()
    const pod = await createPod(world, namespace, { automountServiceAccountToken: true }, server('JSON.stringify(env)'))
    const ready = await until(pod, isReady)
    const env: Record<string, string> = JSON.parse(await eventually(() => ask(ready)))
    const token = await readFile(join(env['SERVICE_ACCOUNT_DIR'] ?? '', 'token'), 'utf8')
    await remove(pod)
    await untilGone(pod)
    const late = await connect({ ...(await apiServer()), token })
    // The API server looks a pod up at most once in ten seconds.
    await eventually(() => expect(late.request('GET', '/api', { signal })).rejects.toThrow('Unauthorized'))
    await late.close()
  })
})

describe('a claim', () => {
  it('is bound to a folder of its own, keeps its files from pod to pod, and is removed with them', async () => {
    const namespace = await testNamespace()
    await claim(namespace)
    const mounts = {
      volumeMounts: [
        { name: 'data', mountPath: '/var/lib/odoo' },
        { name: 'data', mountPath: '/mnt/addons', subPath: 'addons' },
      ],
    }
    const write = `fs.writeFileSync(env.CONTAINER_ROOT + '/var/lib/odoo/kept', 'still here') ?? fs.existsSync(env.CONTAINER_ROOT + '/mnt/addons')`
    const first = await until(await createPod(world, namespace, withClaim, { ...server(write), ...mounts }), isReady)
    expect(await eventually(() => ask(first))).toBe('true')
    await remove(first)
    await untilGone(first)

    const read = `fs.readFileSync(env.CONTAINER_ROOT + '/var/lib/odoo/kept', 'utf8')`
    const second = await until(await createPod(world, namespace, withClaim, { ...server(read), ...mounts }), isReady)
    expect(await eventually(() => ask(second))).toBe('still here')
    await remove(second)
    await untilGone(second)

    const folders = async (): Promise<string[]> =>
      (await readdir(join(world.stateDir, 'volumes'))).filter((name) => name.startsWith(`${namespace}_`))
    expect(await folders()).toHaveLength(1)
    await kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: 'data' }, { signal })
    await eventually(async () => expect(await folders()).toEqual([]))
  })

  it('of another class is left alone', async () => {
    const namespace = await testNamespace()
    const metadata = { name: 'other', namespace }
    const spec = {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'elsewhere',
      resources: { requests: { storage: '1Gi' } },
    }
    await kubernetes.create({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec }, { signal })
    await new Promise((done) => setTimeout(done, 500))
    const found = await kubernetes.get<PersistentVolumeClaim>(
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...metadata },
      { signal },
    )
    expect(found?.status?.phase).toBe('Pending')
  })
})
