// A node for these tests: the scheduler binds pods of instances to it as to any other, and what its kubelet would say of
// them is said here. The "container" is a server in this process, on a loopback address of its own.
import { randomBytes } from 'node:crypto'
import type { Pod } from 'kubernetes-types/core/v1.js'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { addresses } from '#test/world/addresses.ts'

export interface Container {
  /** The process has been asked to end; resolves when it has. */
  stop(): Promise<void>
}

export interface Boot {
  readonly instance: string
  readonly ip: string
  /** Ready as the kubelet would say it, which is later than when the instance answers. */
  readonly sayReady: () => Promise<void>
  /** Anything else: `{ containerStatuses: [...] }`. */
  readonly say: (status: object) => Promise<void>
}

export interface TestNode {
  readonly name: string
  stop(): Promise<void>
}

/** Tolerations and selector that only our pods have, so that nobody else's pods come here. */
export function placement(node: string): object {
  return {
    nodeSelector: { 'platxa.io/test-node': node },
    tolerations: [{ operator: 'Exists' }],
  }
}

export async function startTestNode(
  kubernetes: Kubernetes,
  boot: (boot: Boot) => Promise<Container>,
): Promise<TestNode> {
  const ending = new AbortController()
  const { signal } = ending
  const name = `wake-${randomBytes(4).toString('hex')}`
  const running = new Map<string, Promise<Container>>()
  const address = addresses()
  await createNode(kubernetes, name)

  async function follow(): Promise<void> {
    const kind = { apiVersion: 'v1', kind: 'Pod' }
    for await (const event of kubernetes.watch<Pod>(kind, { fieldSelector: `spec.nodeName=${name}`, signal })) {
      const pods = event.type === 'synced' ? event.objects : event.type === 'applied' ? [event.object] : []
      for (const pod of pods) void look(pod).catch((error: unknown) => signal.aborted || console.error(error))
    }
  }

  async function look(pod: Pod): Promise<void> {
    const uid = pod.metadata?.uid ?? ''
    if (pod.metadata?.deletionTimestamp !== undefined) return end(pod, uid)
    if (running.has(uid)) return
    const labels = pod.metadata?.labels ?? {}
    const ip = address()
    const say = (status: object): Promise<void> => patchStatus(kubernetes, pod, status)
    const started = say(statusOf(ip, false)).then(() =>
      boot({ instance: labels['app.kubernetes.io/instance'] ?? '', ip, say, sayReady: () => say(statusOf(ip, true)) }),
    )
    running.set(uid, started)
    await started
  }

  async function end(pod: Pod, uid: string): Promise<void> {
    const container = running.get(uid)
    running.delete(uid)
    if (container === undefined && pod.metadata?.deletionGracePeriodSeconds === 0) return
    await (await container)?.stop()
    await kubernetes.delete({ ...refOf(pod) }, { gracePeriodSeconds: 0, signal: AbortSignal.timeout(10_000) })
  }

  const following = follow()
  return {
    name,
    async stop() {
      ending.abort()
      await following
      for (const container of running.values()) await (await container).stop()
      await kubernetes.delete({ apiVersion: 'v1', kind: 'Node', name }, { signal: AbortSignal.timeout(10_000) })
    },
  }
}

export async function createNode(kubernetes: Kubernetes, name: string): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const taints = [{ key: 'platxa.io/test-node', value: name, effect: 'NoSchedule' }]
  const labels = { 'platxa.io/test-node': name, 'kubernetes.io/hostname': name }
  await kubernetes.create({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: { taints } }, { signal })
  const capacity = { cpu: '64', memory: '64Gi', pods: '500' }
  const conditions = [{ type: 'Ready', status: 'True', reason: 'Test', lastHeartbeatTime: new Date().toISOString() }]
  const status = { capacity, allocatable: capacity, conditions }
  await kubernetes.patch(
    { apiVersion: 'v1', kind: 'Node', name },
    { status },
    { type: 'merge', subresource: 'status', signal },
  )
}

function statusOf(ip: string, ready: boolean): object {
  const is = ready ? 'True' : 'False'
  return {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: is },
      { type: 'ContainersReady', status: is },
    ],
    containerStatuses: [
      {
        name: 'odoo',
        image: 'odoo',
        imageID: '',
        ready,
        restartCount: 0,
        state: { running: { startedAt: new Date().toISOString() } },
      },
    ],
  }
}

async function patchStatus(kubernetes: Kubernetes, pod: Pod, status: object): Promise<void> {
  const signal = AbortSignal.timeout(10_000)
  await kubernetes
    .patch(refOf(pod), { status }, { type: 'merge', subresource: 'status', signal })
    .catch(() => undefined)
}

function refOf({ metadata }: Pod): { apiVersion: string; kind: string; namespace: string; name: string } {
  return { apiVersion: 'v1', kind: 'Pod', namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }
}
