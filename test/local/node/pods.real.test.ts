// Pods on the local node, in a real control plane: what a kubelet would do and report.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { ConfigMap, Event, Pod } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { cluster, testNamespace } from '#test/world/cluster.ts'

import { isAlive } from './alive.ts'
import {
  ask,
  createPod,
  eventually,
  isReady,
  isRunning,
  podNow,
  reasonOf,
  remove,
  script,
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

const configMap = (namespace: string, name: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
})

describe('a Deployment', () => {
  it('scaled from 0 to 1 answers on the pod address soon, and to 0 is gone with its process', async () => {
    const namespace = await testNamespace()
    const labels = { app: 'web' }
    const deployment: Deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...world.placement,
            automountServiceAccountToken: false,
            containers: [{ name: 'main', ...server('env.HOSTNAME') }],
          },
        },
      },
    }
    await kubernetes.create(deployment, { signal })
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' }
    await kubernetes.scale(ref, 1, { signal })
    const pod = await firstPod(namespace)
    const ready = await until(pod, isReady)
    expect(ready.status?.podIP).toMatch(/^127\.77\./)
    expect(await eventually(() => ask(ready))).toBe(pod.metadata?.name)
    await kubernetes.scale(ref, 0, { signal })
    await untilGone(pod)
    await expect(ask(ready)).rejects.toThrow('fetch failed')
  })
})

describe('the environment', () => {
  it('comes from values, ConfigMaps, Secrets, the pod itself and what the node adds', async () => {
    const namespace = await testNamespace()
    await kubernetes.create(configMap(namespace, 'settings', { MODE: 'fit', ODD: 'a=b' }), { signal })
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'secret', namespace },
      stringData: { PGPASSWORD: 'x y' },
    }
    await kubernetes.create(secret, { signal })
    const pod = await createPod(
      world,
      namespace,
      {},
      {
        ...server('JSON.stringify(env)'),
        envFrom: [
          { configMapRef: { name: 'settings' } },
          { prefix: 'P_', configMapRef: { name: 'absent', optional: true } },
        ],
        env: [
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'secret', key: 'PGPASSWORD' } } },
          { name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'GREETING', value: 'hello $(PASSWORD) $$(PASSWORD) $(NOBODY)' },
          { name: 'HOST', value: '0.0.0.0' },
        ],
      },
    )
    const running = await until(pod, isReady)
    const env: unknown = JSON.parse(await eventually(() => ask(running)))
    const podIP = running.status?.podIP
    expect(env).toMatchObject({
      MODE: 'fit',
      ODD: 'a=b',
      PASSWORD: 'x y',
      NAMESPACE: namespace,
      ADDRESS: podIP,
      POD_IP: podIP,
      HOST: podIP,
      GREETING: 'hello x y $(PASSWORD) $(NOBODY)',
      HOSTNAME: 'main',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
    })
    expect(env).not.toHaveProperty('VITEST')
    expect(env).not.toHaveProperty('SERVICE_ACCOUNT_DIR')
  })

  it('that names a missing Secret keeps the container waiting with the reason, and lets it start once it is there', async () => {
    const namespace = await testNamespace()
    const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'later', key: 'a' } } }]
    const pod = await createPod(world, namespace, {}, { ...server('env.A'), env })
    const waiting = await until(pod, (now) => reasonOf(now) === 'CreateContainerConfigError')
    expect(waiting.status?.phase).toBe('Pending')
    expect(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe('secret "later" not found')
    await kubernetes.create(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'later', namespace }, stringData: { a: '1' } },
      { signal },
    )
    const running = await until(pod, isReady)
    expect(await eventually(() => ask(running))).toBe('1')
  })
})

describe('a container', () => {
  it('whose image nobody knows waits with ErrImagePull, then ImagePullBackOff, and is told as an Event', async () => {
    const namespace = await testNamespace()
    const pod = await createPod(world, namespace, {}, { image: 'registry.example/absent:1' })
    const first = await until(pod, (now) => reasonOf(now) === 'ErrImagePull')
    expect(first.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('"registry.example/absent:1"')
    const second = await until(pod, (now) => reasonOf(now) === 'ImagePullBackOff')
    expect(second.status?.phase).toBe('Pending')
    const events = []
    const kind = { apiVersion: 'v1', kind: 'Event', namespace }
    for await (const event of kubernetes.list<Event>(kind, { signal })) events.push(event.reason)
    expect(events).toContain('Failed')
  })

  it('that crashes is started again at once, then after CrashLoopBackOff, and tells its last exit', async () => {
    const namespace = await testNamespace()
    const pod = await createPod(world, namespace, {}, script('console.error("no database"); process.exit(3)'))
    const looping = await until(pod, (now) => reasonOf(now) === 'CrashLoopBackOff')
    const [container] = looping.status?.containerStatuses ?? []
    expect(container).toMatchObject({
      restartCount: 1,
      ready: false,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    })
    expect(looping.status?.phase).toBe('Running')
    await until(pod, ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) >= 2)
    expect(await world.logOf(pod)).toContain('no database\nno database')
  })

  it('is ready only when its probes pass, in the order startup, readiness', async () => {
    const namespace = await testNamespace()
    const folder = await mkdtemp(join(tmpdir(), 'probes-'))
    // What a path answers is decided by whether there is a file of its name.
    const source = `require('node:http').createServer((request, response) => {
        console.log(request.url)
        response.statusCode = require('node:fs').existsSync('${folder}' + request.url) ? 200 : 503
        response.end()
      }).listen(8080, process.env.HOST)`
    const container = {
      ...script(source),
      ports: [{ name: 'http', containerPort: 8080 }],
      startupProbe: { httpGet: { path: '/startup', port: 'http' }, periodSeconds: 1, failureThreshold: 60 },
      readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 },
    }
    const pod = await createPod(world, namespace, {}, container)
    const running = await until(pod, isRunning)
    expect(running.status?.podIP).toBeDefined()
    expect([isReady(running), running.status?.containerStatuses?.[0]?.started]).toEqual([false, false])
    await writeFile(join(folder, 'startup'), '')
    const started = await until(pod, ({ status }) => status?.containerStatuses?.[0]?.started === true)
    expect(isReady(started)).toBe(false)
    await writeFile(join(folder, 'ready'), '')
    await until(pod, isReady)
    await rm(join(folder, 'ready'))
    await until(pod, (now) => !isReady(now))
    const asked = (await world.logOf(pod)).split('\n')
    expect(asked.lastIndexOf('/startup')).toBeLessThan(asked.indexOf('/ready'))
    await rm(folder, { recursive: true })
  })

  it('that stops answering its liveness probe is ended and started again', async () => {
    const namespace = await testNamespace()
    const pod = await createPod(
      world,
      namespace,
      {},
      {
        ...script(`const server = require('node:net').createServer().listen(8080, process.env.HOST)
                 setTimeout(() => server.close(), 1500); setInterval(() => {}, 1000)`),
        livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1 },
      },
    )
    const again = await until(pod, ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0)
    expect(again.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 143, signal: 15 })
  })

  it('is resized in place: the status tells the new resources and nothing is restarted', async () => {
    const namespace = await testNamespace()
    const cpu = (value: string) => ({ requests: { cpu: value }, limits: { cpu: value } })
    const pod = await createPod(world, namespace, {}, { ...server('1'), resources: cpu('100m') })
    const running = await until(pod, isReady)
    const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name: 'main' }
    const patch = { spec: { containers: [{ name: 'main', resources: cpu('200m') }] } }
    await kubernetes.patch(ref, patch, { type: 'strategic', subresource: 'resize', signal })
    const resized = await until(
      pod,
      ({ status }) => status?.containerStatuses?.[0]?.allocatedResources?.['cpu'] === '200m',
    )
    expect(resized.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      resources: cpu('200m'),
      containerID: running.status?.containerStatuses?.[0]?.containerID,
    })
  })
})

describe('several containers', () => {
  it('run in order: init containers to their end, a sidecar until it has started, then the others', async () => {
    const namespace = await testNamespace()
    const note = (text: string): string =>
      `require('node:fs').appendFileSync(process.env.CONTAINER_ROOT + '/shared/order', '${text} ')`
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
    const pod = await createPod(world, namespace, {
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [
        { name: 'first', ...script(note('first')), volumeMounts },
        {
          name: 'sidecar',
          restartPolicy: 'Always',
          ...script(`setTimeout(() => { ${note('sidecar')}; require('node:net').createServer().listen(9090, process.env.HOST) }, 300)
                     process.on('SIGTERM', () => { ${note('sidecar-ends')}; process.exit() })`),
          startupProbe: { tcpSocket: { port: 9090 }, periodSeconds: 1, failureThreshold: 30 },
          volumeMounts,
        },
        { name: 'second', ...script(note('second')), volumeMounts },
      ],
      containers: [
        { name: 'main', ...server(`fs.readFileSync(env.CONTAINER_ROOT + '/shared/order', 'utf8')`), volumeMounts },
      ],
    })
    const ready = await until(pod, isReady)
    expect(await eventually(() => ask(ready))).toBe('first sidecar second ')
    expect(ready.status?.initContainerStatuses?.map(({ name, state }) => [name, Object.keys(state ?? {})[0]])).toEqual([
      ['first', 'terminated'],
      ['sidecar', 'running'],
      ['second', 'terminated'],
    ])
    await remove(pod)
    await untilGone(pod)
  })
})

describe('a pod that is not to be restarted', () => {
  it.each([
    ['Succeeded', 0],
    ['Failed', 4],
  ])('is %s when its process ends with %i', async (phase, code) => {
    const namespace = await testNamespace()
    const pod = await createPod(world, namespace, { restartPolicy: 'Never' }, script(`process.exit(${code})`))
    const ended = await until(pod, ({ status }) => status?.phase === phase)
    expect(ended.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: code } },
    })
  })

  it('belongs to a Job, which is then complete', async () => {
    const namespace = await testNamespace()
    const template = {
      spec: { ...world.placement, restartPolicy: 'Never', containers: [{ name: 'main', ...script('0') }] },
    }
    await kubernetes.create(
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job', namespace }, spec: { template } },
      { signal },
    )
    const ref = { apiVersion: 'batch/v1', kind: 'Job', namespace, name: 'job' }
    await eventually(async () => {
      const job = await kubernetes.get<{ status?: { succeeded?: number } }>(ref, { signal })
      expect(job?.status?.succeeded).toBe(1)
    })
  })
})

describe('deleting a pod', () => {
  it('lets its running request finish, refuses new ones, and then removes the object', async () => {
    const namespace = await testNamespace()
    const slow = `const server = require('node:http').createServer((request, response) => {
        console.log('asked')
        process.once('SIGTERM', () => setTimeout(() => response.setHeader('connection', 'close').end('whole'), 500))
      })
      server.listen(8080, process.env.HOST); process.on('SIGTERM', () => server.close())`
    const running = await until(await createPod(world, namespace, {}, script(slow)), isReady)
    const answer = eventually(() => ask(running))
    await eventually(async () => expect(await world.logOf(running)).toContain('asked'))
    await remove(running)
    expect((await podNow(running))?.metadata?.deletionTimestamp).toBeDefined()
    expect(await answer).toBe('whole')
    await untilGone(running)
  })

  it('ends a process that does not listen to SIGTERM when its grace is over', async () => {
    const namespace = await testNamespace()
    const deaf = await createPod(
      world,
      namespace,
      {},
      script(`process.on('SIGTERM', () => console.log('heard')); setInterval(() => {}, 1000); console.log('up')`),
    )
    await eventually(async () => expect(await world.logOf(deaf)).toContain('up'))
    const at = performance.now()
    await remove(deaf, 1)
    await untilGone(deaf)
    expect(performance.now() - at).toBeGreaterThan(950)
    expect(await world.logOf(deaf)).toContain('heard')
  })

  it('by force ends its process too', async () => {
    const namespace = await testNamespace()
    const pod = await createPod(world, namespace, {}, server('1'))
    const running = await until(pod, isReady)
    await eventually(() => ask(running))
    await remove(pod, 0)
    await eventually(() => expect(ask(running)).rejects.toThrow('fetch failed'))
  })

  it('ends what its process has started as well', async () => {
    const namespace = await testNamespace()
    const pod = await createPod(
      world,
      namespace,
      {},
      script(`const child = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'])
      console.log(child.pid); setInterval(() => {}, 1000)`),
    )
    await eventually(async () => expect(await world.logOf(pod)).toMatch(/\d+\n/))
    const grandchild = Number(await world.logOf(pod))
    await remove(pod)
    await untilGone(pod)
    await eventually(() => expect(isAlive(grandchild)).toBe(false))
  })
})

async function firstPod(namespace: string): Promise<Pod> {
  return await eventually(async () => {
    for await (const pod of kubernetes.list<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace }, { signal })) return pod
    throw new Error('no pod yet')
  })
}
