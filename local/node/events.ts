// What goes wrong with a pod, as Kubernetes Events: `kubectl describe` and the console show them. Never waited for.
import type { Event, Pod } from 'kubernetes-types/core/v1.js'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

export interface TellOf {
  readonly pod: Pod
  readonly nodeName: string
  readonly kubernetes: Kubernetes
  readonly signal: AbortSignal
}

/** Says each thing once a minute at most: a probe that fails every second is one piece of news. */
const QUIET_MS = 60_000

export function teller({ pod, nodeName, kubernetes, signal }: TellOf): (reason: string, message: string) => void {
  const said = new Map<string, number>()
  return (reason, message) => {
    const key = `${reason} ${message}`
    const now = Date.now()
    if (now - (said.get(key) ?? -Infinity) < QUIET_MS) return
    said.set(key, now)
    const event = eventOf(pod, nodeName, reason, message, new Date(now).toISOString())
    // The API server away, the namespace on its way out: an Event is a courtesy.
    kubernetes.create(event, { signal }).catch(() => {})
  }
}

function eventOf(pod: Pod, nodeName: string, reason: string, message: string, now: string): Event {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: `${name}.`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
    type: reason === 'Killing' ? 'Normal' : 'Warning',
    reason,
    message,
    source: { component: 'platxa-local-node', host: nodeName },
    reportingComponent: 'platxa-local-node',
    reportingInstance: nodeName,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  }
}
