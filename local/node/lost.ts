// What a pod's status says when its processes ended together with an earlier node. Pure.
import type { ContainerStatus, Pod, PodStatus } from 'kubernetes-types/core/v1.js'

/** Undefined when there is nothing to say: it never ran, or it had ended by itself. */
export function lostStatus({ spec, status }: Pod, hostIP: string, now: string): PodStatus | undefined {
  const { phase, startTime } = status ?? {}
  if (startTime === undefined || phase === 'Succeeded' || phase === 'Failed') return undefined
  const { restartPolicy = 'Always' } = spec ?? {}
  const failed = restartPolicy === 'Never'
  const reason = failed ? 'PodFailed' : 'ContainersNotReady'
  const lost = (container: ContainerStatus): ContainerStatus => lostContainer(container, failed, now)
  const no = { status: 'False', lastTransitionTime: now }
  return {
    phase: failed ? 'Failed' : 'Pending',
    ...(failed && { reason: 'NodeRestarted', message: 'the local node was stopped while the pod ran' }),
    startTime,
    hostIP,
    conditions: [
      { type: 'Ready', reason, ...no },
      { type: 'ContainersReady', reason, ...no },
      { type: 'PodReadyToStartContainers', ...no },
    ],
    initContainerStatuses: (status?.initContainerStatuses ?? []).map(lost),
    containerStatuses: (status?.containerStatuses ?? []).map(lost),
  }
}

function lostContainer(container: ContainerStatus, failed: boolean, now: string): ContainerStatus {
  const { running } = container.state ?? {}
  if (running === undefined) return { ...container, ready: false, started: false }
  const { startedAt } = running
  const terminated = {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'the local node was stopped while the container ran',
    finishedAt: now,
    ...(startedAt !== undefined && { startedAt }),
  }
  const state = failed ? { terminated } : { waiting: { reason: 'ContainerCreating' } }
  return {
    ...container,
    ready: false,
    started: false,
    state,
    lastState: failed ? {} : { terminated },
    restartCount: container.restartCount + (failed ? 0 : 1),
  }
}
