// A node of our own in the control plane of this run. Only pods made here come to it, so that test files may run together.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1.js'
import { inject } from 'vitest'

import type { Images } from '#local/node/images.ts'
import { type LocalNode, type NodeOptions, startNode } from '#local/node/start.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { cluster } from '#test/world/cluster.ts'
import { whenAllowed } from '#test/world/when-allowed.ts'

const PATIENCE_MS = 90_000

/** Image `node`: the arguments are Node's own. Nothing else can be pulled. */
export const images: Images = ({ image, args = [] }) =>
  image === 'node' ? { file: process.execPath, args } : undefined

/** An HTTP server on port 8080; `body` is an expression of `request`, `env` and `fs`. */
export const server = (body: string): Pick<Container, 'image' | 'args'> => ({
  image: 'node',
  args: [
    '-e',
    `const { env } = process, fs = require('node:fs')
     require('node:http').createServer(async (request, response) => response.end(String(await (${body}))))
       .listen(8080, env.HOST)`,
  ],
})

export const script = (source: string): Pick<Container, 'image' | 'args'> => ({ image: 'node', args: ['-e', source] })

export interface TestNode {
  readonly node: LocalNode
  readonly stateDir: string
  readonly storageClass: string
  /** Warnings and errors that the node logged. */
  readonly complaints: readonly string[]
  /** What puts a pod on this node and on no other. */
  readonly placement: Pick<PodSpec, 'nodeSelector' | 'tolerations' | 'terminationGracePeriodSeconds'>
  logOf(pod: Pod, container?: string): Promise<string>
  end(): Promise<void>
}

const fast = { initialMs: 300, maxMs: 1200 }

export async function testNode(options: Partial<NodeOptions> = {}): Promise<TestNode> {
  const name = `node-${randomBytes(4).toString('hex')}`
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'node-')))
  const complaints: string[] = []
  const complain = (fields: object, message: string): void => void complaints.push(`${message} ${inspect(fields)}`)
  const log: Log = { debug() {}, info() {}, warn: complain, error: complain, child: () => log }
  const node = await startNode({
    kubeconfig: inject('kubeconfig'),
    stateDir,
    images,
    nodeName: name,
    taints: [{ key: 'test', value: name, effect: 'NoSchedule' }],
    storageClass: { name, isDefault: false },
    backOff: fast,
    signal: new AbortController().signal,
    log,
    ...options,
  })
  return {
    node,
    stateDir,
    storageClass: name,
    complaints,
    placement: {
      nodeSelector: { 'kubernetes.io/hostname': node.name },
      tolerations: [{ key: 'test', operator: 'Exists' }],
      terminationGracePeriodSeconds: 5,
    },
    logOf: async ({ metadata }, container = 'main') =>
      await readFile(join(stateDir, 'pods', `${metadata?.namespace}_${metadata?.name}`, `${container}.log`), 'utf8'),
    end: async () => {
      await node.stop({ graceMs: 200 })
      await rm(stateDir, { recursive: true, force: true })
      if (options.kubeconfig !== undefined) return
      const kubernetes = await cluster()
      const signal = AbortSignal.timeout(PATIENCE_MS)
      await kubernetes.delete({ apiVersion: 'v1', kind: 'Node', name: node.name }, { signal })
      await kubernetes.delete({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', name }, { signal })
    },
  }
}

function inspect(fields: object): string {
  const error = 'error' in fields && fields.error instanceof Error ? fields.error.message : ''
  return `${JSON.stringify(fields)} ${error}`
}

/** A pod named `main` with one container of that name, unless told otherwise. */
export async function createPod(
  { placement }: Pick<TestNode, 'placement'>,
  namespace: string,
  spec: Omit<PodSpec, 'containers'> & { readonly containers?: Container[] },
  container: Partial<Container> = {},
): Promise<Pod> {
  const kubernetes = await cluster()
  const { containers = [{ name: 'main', image: 'node', ...container }], ...rest } = spec
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'main', namespace },
    spec: { ...placement, containers, automountServiceAccountToken: false, ...rest },
  }
  return await whenAllowed(() => kubernetes.create(pod, { signal: AbortSignal.timeout(PATIENCE_MS) }))
}

export async function podNow({ metadata }: Pod): Promise<Pod | undefined> {
  const { name = '', namespace = '' } = metadata ?? {}
  const kubernetes = await cluster()
  return await kubernetes.get<Pod>(
    { apiVersion: 'v1', kind: 'Pod', namespace, name },
    { signal: AbortSignal.timeout(PATIENCE_MS) },
  )
}

/** The pod as soon as it is so; undefined when it was asked for its end. */
export async function until(pod: Pod, isSo: (pod: Pod) => boolean): Promise<Pod> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const now = await podNow(pod)
    if (now !== undefined && isSo(now)) return now
    if (Date.now() > deadline) throw new Error(`it never came so:\n${JSON.stringify(now?.status, undefined, 1)}`)
    await sleep(20)
  }
}

export async function untilGone(pod: Pod): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while ((await podNow(pod))?.metadata?.uid === pod.metadata?.uid) {
    if (Date.now() > deadline) throw new Error(`pod ${pod.metadata?.name} never went`)
    await sleep(20)
  }
}

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'

export const isRunning = ({ status }: Pod): boolean =>
  status?.containerStatuses?.every(({ state }) => state?.running !== undefined) === true

export const reasonOf = ({ status }: Pod): string | undefined => status?.containerStatuses?.[0]?.state?.waiting?.reason

export async function ask(pod: Pod, path = '/', port = 8080): Promise<string> {
  return await (await fetch(`http://${pod.status?.podIP}:${port}${path}`)).text()
}

export async function remove(pod: Pod, gracePeriodSeconds?: number): Promise<void> {
  const kubernetes: Kubernetes = await cluster()
  const { name = '', namespace = '' } = pod.metadata ?? {}
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
  await kubernetes.delete({ apiVersion: 'v1', kind: 'Pod', namespace, name }, { signal, ...grace })
}

export async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(20)
    }
  }
}
