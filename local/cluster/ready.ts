// Waiting for Deployments, with what they wait for in the message when it takes too long.
import { setTimeout as sleep } from 'node:timers/promises'

import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

const LIMIT_MS = 300_000
const POLL_MS = 300

/** Every Deployment of the namespace that wants a pod has all of its pods ready. */
export async function untilReady(kubernetes: Kubernetes, namespace: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + LIMIT_MS
  for (;;) {
    const waiting: string[] = []
    const deployments = kubernetes.list<Deployment>(
      { apiVersion: 'apps/v1', kind: 'Deployment', namespace },
      { signal },
    )
    let count = 0
    for await (const one of deployments) {
      count += 1
      if (!isReady(one)) waiting.push(one.metadata?.name ?? '')
    }
    if (count > 0 && waiting.length === 0) return
    if (Date.now() > deadline) {
      const states = await podStates(kubernetes, namespace, signal)
      throw new Error(`not ready in ${namespace} after ${LIMIT_MS / 1000} s: ${waiting.join(', ')}\n${states}`)
    }
    await sleep(POLL_MS, undefined, { signal })
  }
}

function isReady({ metadata, spec, status }: Deployment): boolean {
  const wanted = spec?.replicas ?? 1
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.readyReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted
  )
}

async function podStates(kubernetes: Kubernetes, namespace: string, signal: AbortSignal): Promise<string> {
  const lines: string[] = []
  for await (const { metadata, status } of kubernetes.list<Pod>(
    { apiVersion: 'v1', kind: 'Pod', namespace },
    { signal },
  )) {
    const containers = (status?.containerStatuses ?? []).map(({ name, state }) => {
      const why = state?.waiting ?? state?.terminated
      return `${name} ${state?.running ? 'runs' : `${why?.reason ?? '?'} ${why?.message ?? ''}`}`
    })
    lines.push(`  ${metadata?.name} ${status?.phase}: ${containers.join('; ')}`)
  }
  return lines.join('\n')
}

/** Asks until it is so. `what` says what was waited for. */
export async function untilTrue(
  what: () => string,
  limitMs: number,
  signal: AbortSignal,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not ready after ${limitMs / 1000} s: ${what()}`)
    await sleep(POLL_MS, undefined, { signal })
  }
}
