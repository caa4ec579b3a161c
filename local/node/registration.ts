// The Node object and the heartbeat by which the controllers know that it lives.
import { arch, cpus, release, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Node, NodeCondition, Taint } from 'kubernetes-types/core/v1.js'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

/** Of the 40 s after which a Lease counts as lost. */
const HEARTBEAT_MS = 10_000
const LEASE_SECONDS = 40
const PODS = 110
/**
 * Requests are bookkeeping here, nothing enforces them: a laptop of two cores may hold all the instances whose requests
 * a real node of that size would refuse.
 */
const GENEROSITY = 16
const MANAGER = 'platxa-local-node'

export interface RegistrationOf {
  readonly name: string
  readonly address: string
  readonly taints: readonly Taint[]
  readonly kubernetes: Kubernetes
  readonly log: Log
}

/** Resolves when the controllers may give it pods. */
export async function register(of: RegistrationOf, signal: AbortSignal): Promise<void> {
  const { kubernetes, name, taints } = of
  await kubernetes.apply(nodeObject(name, taints), { fieldManager: MANAGER, signal })
  await beat(of, signal)
}

/** Until the signal. */
export async function keepRegistered(of: RegistrationOf, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(HEARTBEAT_MS, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    try {
      await beat(of, signal)
    } catch (error) {
      if (!signal.aborted) of.log.warn({ error }, 'the node could not report that it lives')
    }
  }
}

async function beat({ kubernetes, name, address }: RegistrationOf, signal: AbortSignal): Promise<void> {
  const now = new Date().toISOString()
  const node = { apiVersion: 'v1', kind: 'Node', name }
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: 'kube-node-lease', name },
    spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: now.replace('Z', '000Z') },
  }
  await Promise.all([
    kubernetes.patch(
      node,
      { status: nodeStatus(name, address, now) },
      { type: 'strategic', subresource: 'status', signal },
    ),
    renew(kubernetes, lease, signal),
  ])
}

type Lease = { readonly metadata: { readonly namespace: string; readonly name: string } }

/** Its namespace is made by the API server, a moment after its first start. */
async function renew(kubernetes: Kubernetes, lease: Lease, signal: AbortSignal): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await kubernetes.apply(lease, { fieldManager: MANAGER, signal })
      return
    } catch (error) {
      if (signal.aborted || tries === 20) throw error
      await sleep(250, undefined, { signal })
    }
  }
}

const labelsOf = (name: string): Record<string, string> => ({
  'kubernetes.io/hostname': name,
  'kubernetes.io/os': process.platform === 'darwin' ? 'darwin' : 'linux',
  'kubernetes.io/arch': arch() === 'x64' ? 'amd64' : arch(),
})

function nodeObject(name: string, taints: readonly Taint[]): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: labelsOf(name) },
    ...(taints.length > 0 && { spec: { taints: [...taints] } }),
  }
}

function nodeStatus(name: string, address: string, now: string): Node['status'] {
  const capacity = {
    cpu: String(cpus().length * GENEROSITY),
    memory: `${Math.floor(totalmem() / 1024) * GENEROSITY}Ki`,
    'ephemeral-storage': '1Ti',
    pods: String(PODS),
  }
  const condition = (type: string, yes: boolean, reason: string): NodeCondition => {
    const status = yes ? 'True' : 'False'
    return { type, status, reason, lastHeartbeatTime: now, message: 'pods are processes of this machine' }
  }
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    conditions: [
      condition('MemoryPressure', false, 'NotMeasured'),
      condition('DiskPressure', false, 'NotMeasured'),
      condition('PIDPressure', false, 'NotMeasured'),
      condition('Ready', true, 'NodeReady'),
    ],
    nodeInfo: {
      architecture: arch(),
      bootID: '',
      containerRuntimeVersion: `process://${process.versions.node}`,
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion: 'v1.35.4-platxa-local',
      machineID: '',
      operatingSystem: process.platform,
      osImage: `${process.platform} (pods are processes)`,
      systemUUID: '',
    },
  }
}
