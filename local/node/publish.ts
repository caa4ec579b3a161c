// Reports a pod's status to the API server: at once, in order, and the newest only when there is much to say.
import { setTimeout as sleep } from 'node:timers/promises'

import type { Pod, PodStatus } from 'kubernetes-types/core/v1.js'

import { isConflict, isNotFound } from '#shared/k8s/errors.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

const RETRY_MS = 500

export interface Publisher {
  /** Replaces what has not been sent yet. */
  publish(status: PodStatus): void
  /** Resolves when everything is sent, or the pod is gone. */
  flushed(): Promise<void>
}

export interface PublisherOf {
  readonly pod: Pod
  readonly kubernetes: Kubernetes
  readonly log: Log
  readonly signal: AbortSignal
}

export function publisher({ pod, kubernetes, log, signal }: PublisherOf): Publisher {
  const ref = refOf(pod)
  let next: PodStatus | undefined
  let sending: Promise<void> | undefined

  const send = async (): Promise<void> => {
    try {
      while (next !== undefined && !signal.aborted) {
        const status = next
        next = undefined
        if (!(await sent(status))) next ??= status
      }
    } finally {
      sending = undefined
    }
  }
  /** False after a pause: try again, with something newer if there is. */
  const sent = async (status: PodStatus): Promise<boolean> => {
    try {
      await patchStatus(kubernetes, pod, status, signal)
      return true
    } catch (error) {
      // Gone, or another pod of that name by now: nobody is left to tell.
      if (isNotFound(error) || isConflict(error) || signal.aborted) return true
      log.warn({ error, pod: ref.name, namespace: ref.namespace }, 'could not report the status of a pod')
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
      return false
    }
  }
  return {
    publish(status) {
      next = status
      sending ??= send()
    },
    flushed: async () => await sending,
  }
}

/** The uid makes sure that it is this very pod. Lists of addresses are replaced, conditions of others stay. */
export async function patchStatus(
  kubernetes: Kubernetes,
  pod: Pod,
  status: PodStatus,
  signal: AbortSignal,
): Promise<void> {
  const { podIP = null, podIPs = [], hostIP } = status
  const replace = { $patch: 'replace' }
  const body = {
    metadata: { uid: pod.metadata?.uid },
    status: { ...status, podIP, podIPs: [replace, ...podIPs], hostIPs: [replace, { ip: hostIP }] },
  }
  await kubernetes.patch(refOf(pod), body, { type: 'strategic', subresource: 'status', signal })
}

export function refOf({ metadata }: Pod): Ref {
  return { apiVersion: 'v1', kind: 'Pod', namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }
}
