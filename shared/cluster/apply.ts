// Objects as they should be, by server-side apply: the same again changes nothing.
import { fieldManager } from '#shared/instance/names.ts'
import type { KubernetesObject } from '#shared/instance/object.ts'
import { KubernetesError } from '#shared/k8s/errors.ts'
import type { Kubernetes, Manifest } from '#shared/k8s/kubernetes.ts'
import { allowed } from './allowed.ts'

export async function apply<T extends Manifest>(kubernetes: Kubernetes, object: T, signal: AbortSignal): Promise<T> {
  return allowed(() => kubernetes.apply(object, { fieldManager, signal }), signal)
}

/** One after the other. Claims that cannot grow are applied as one of `today` instead: nothing else has to fail for them. */
export async function applyAll(
  kubernetes: Kubernetes,
  objects: Iterable<KubernetesObject>,
  today: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<void> {
  for (const object of objects) {
    const smaller = today.find(({ kind, metadata }) => kind === object.kind && metadata.name === object.metadata.name)
    if (smaller === undefined) await apply(kubernetes, object, signal)
    else await allowed(() => growOrKeep(kubernetes, object, smaller, signal), signal)
  }
}

const AT_ONCE = 4

/** The same for objects of which none needs another: several at once. The first fault ends them all, and none is under way after it. */
export async function applyTogether(
  kubernetes: Kubernetes,
  objects: readonly KubernetesObject[],
  today: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<void> {
  const fault = new AbortController()
  const ends = AbortSignal.any([signal, fault.signal])
  const left = objects.values()
  const take = () => applyAll(kubernetes, left, today, ends).catch((error: unknown) => fault.abort(error))
  await Promise.all(Array.from({ length: AT_ONCE }, take))
  fault.signal.throwIfAborted()
}

async function growOrKeep(
  kubernetes: Kubernetes,
  larger: KubernetesObject,
  smaller: KubernetesObject,
  signal: AbortSignal,
): Promise<void> {
  try {
    await kubernetes.apply(larger, { fieldManager, signal })
  } catch (error) {
    if (!cannotGrow(error)) throw error
    await kubernetes.apply(smaller, { fieldManager, signal })
  }
}

/** Not bound yet (422), or of a StorageClass without expansion (403). */
function cannotGrow(error: unknown): boolean {
  if (!(error instanceof KubernetesError)) return false
  return error.status === 422 || (error.status === 403 && /resize/.test(error.message))
}
