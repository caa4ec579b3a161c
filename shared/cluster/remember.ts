import type { Namespace } from 'kubernetes-types/core/v1.js'
import { seeNamespace, type SeenNamespace } from '#shared/instance/known.ts'
import { namespace } from '#shared/instance/namespace.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { apply } from './apply.ts'

/**
 * Writes down what an instance should be and how far that is true; a new namespace when none was seen. 409 Conflict when
 * the namespace is not the one that was seen, or somebody wrote to it since.
 */
export async function remember(
  kubernetes: Kubernetes,
  seen: SeenNamespace | undefined,
  spec: InstanceSpec,
  applied: number | 'nothing',
  signal: AbortSignal,
): Promise<SeenNamespace> {
  const wanted = namespace(spec, applied)
  const identity = seen && { uid: seen.uid, resourceVersion: seen.resourceVersion }
  const written: Namespace = await apply(
    kubernetes,
    { ...wanted, metadata: { ...wanted.metadata, ...identity } },
    signal,
  )
  return seeNamespace(written)
}
