// The running pod gets other resources without a restart: subresource `pods/resize`, Kubernetes 1.33 and newer
// (https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/).
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod, ResourceRequirements } from 'kubernetes-types/core/v1.js'
import { allowed } from '#shared/cluster/allowed.ts'
import { selectorText } from '#shared/cluster/rest.ts'
import { namespaceOf } from '#shared/instance/names.ts'
import { odooContainer, resourcesOf } from '#shared/instance/pod.ts'
import { bytesOf, millisOf } from '#shared/instance/quantity.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import { isForbidden, isNotFound, KubernetesError } from '#shared/k8s/errors.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'

/** The pod that serves: not one that is ending. */
export async function runningPod(kubernetes: Kubernetes, name: string, signal: AbortSignal): Promise<Pod | undefined> {
  const pods = kubernetes.list<Pod>(
    { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(name) },
    { labelSelector: selectorText(name), signal },
  )
  for await (const pod of pods) {
    const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    if (pod.metadata?.deletionTimestamp === undefined && !over) return pod
  }
  return undefined
}

export function memoryOf(pod: Pod): number | undefined {
  const odoo = pod.spec?.containers.find(({ name }) => name === odooContainer)
  return bytesOf(odoo?.resources?.limits?.['memory'] ?? '')
}

export type Resized =
  /** `taken`: the kubelet has not said no. */
  | { readonly is: 'done' | 'taken' }
  /** This node or this API server cannot: only a restart helps. */
  | { readonly is: 'refused'; readonly why: string }

const LOOK_EVERY_MS = 200

export async function resize(
  kubernetes: Kubernetes,
  pod: Pod,
  spec: InstanceSpec,
  withinMs: number,
  signal: AbortSignal,
): Promise<Resized> {
  const ref: Ref = { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(spec.name), name: pod.metadata?.name ?? '' }
  const wanted = resourcesOf(spec)
  const body = {
    metadata: { uid: pod.metadata?.uid },
    spec: { containers: [{ name: odooContainer, resources: wanted }] },
  }
  try {
    // A quota that was raised just now may not be counted with yet.
    await allowed(() => kubernetes.patch(ref, body, { type: 'strategic', subresource: 'resize', signal }), signal)
  } catch (error) {
    // Without the subresource it is not found; what this very pod cannot take is invalid or forbidden.
    if (isNotFound(error) || isForbidden(error) || isInvalid(error)) return { is: 'refused', why: error.message }
    throw error
  }
  const end = performance.now() + withinMs
  for (;;) {
    const now = await kubernetes.get<Pod>(ref, { signal })
    const refusal = now === undefined ? 'the pod is gone' : refusalOf(now)
    if (refusal !== undefined) return { is: 'refused', why: refusal }
    if (now && hasResources(now, wanted)) return { is: 'done' }
    if (performance.now() > end) return { is: 'taken' }
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

function isInvalid(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.status === 422
}

/** `Deferred` too: it would wait for other pods to go, and nobody knows for how long. */
function refusalOf({ status }: Pod): string | undefined {
  const pending = status?.conditions?.find(({ type, status: is }) => type === 'PodResizePending' && is === 'True')
  const refused = pending?.reason === 'Infeasible' || pending?.reason === 'Deferred'
  return refused ? `${pending.reason}: ${pending.message ?? 'its node has no room'}` : undefined
}

/** What the kubelet says that the container has, which is not what was asked for. */
function hasResources({ status }: Pod, wanted: ResourceRequirements): boolean {
  const odoo = status?.containerStatuses?.find(({ name }) => name === odooContainer)
  const actual = odoo?.resources ?? {}
  return (['requests', 'limits'] as const).every(
    (part) =>
      millisOf(actual[part]?.['cpu'] ?? '') === millisOf(wanted[part]?.['cpu'] ?? '') &&
      bytesOf(actual[part]?.['memory'] ?? '') === bytesOf(wanted[part]?.['memory'] ?? ''),
  )
}
