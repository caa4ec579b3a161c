// Bringing an instance to rest without asking whether somebody uses it: for those who may not be used any more.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod } from 'kubernetes-types/core/v1.js'
import type { Status } from '#shared/events/catalogue.ts'
import { annotationKeys, fieldManager, labelKeys, namespaceOf, selectorOf } from '#shared/instance/names.ts'
import type { Instance } from '#shared/instance/read.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { deploymentRef } from './refs.ts'

export interface Closing {
  readonly status: Exclude<Status, 'active'>
  /** The sentence for people. */
  readonly why: string
  readonly now: Temporal.Instant
}

/**
 * First the label, by which the front door stops waking and forwarding; then 0 replicas. In that order a visitor can't
 * wake it in between, and whoever comes again after a crash finds out how far it was.
 */
export async function closeAndScaleDown(
  kubernetes: Kubernetes,
  instance: Instance,
  { status, why, now }: Closing,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid, replicas } = instance
  if (instance.status !== status || replicas > 0) {
    const said = { [annotationKeys.why]: why, ...(replicas > 0 && { [annotationKeys.since]: secondsOf(now) }) }
    const patch = { metadata: { uid, labels: { [labelKeys.status]: status }, annotations: said } }
    await kubernetes.patch(deploymentRef(name), patch, { type: 'merge', fieldManager, signal })
  }
  if (replicas > 0) await kubernetes.scale(deploymentRef(name), 0, { uid, signal })
}

function secondsOf(at: Temporal.Instant): string {
  return at.toString({ smallestUnit: 'second' })
}

const LOOK_EVERY_MS = 200

/** False when there still are some after `withinMs`: Odoo finishes the requests it is at first. */
export async function podsGone(
  kubernetes: Kubernetes,
  name: string,
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + withinMs
  while (await hasPod(kubernetes, name, signal)) {
    if (performance.now() > end) return false
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
  return true
}

async function hasPod(kubernetes: Kubernetes, name: string, signal: AbortSignal): Promise<boolean> {
  const pods = kubernetes.list<Pod>(
    { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(name) },
    { labelSelector: selectorText(name), signal },
  )
  for await (const { status } of pods) {
    if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') return true
  }
  return false
}

export function selectorText(name: string): string {
  return Object.entries(selectorOf(name))
    .map((pair) => pair.join('='))
    .join(',')
}
