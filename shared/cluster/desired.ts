import type { KubernetesObject } from '#shared/instance/object.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import type { Platform } from '#shared/instance/platform.ts'
import type { InstanceSecrets, InstanceSpec } from '#shared/instance/spec.ts'
import { claimsAsToday } from '#shared/instance/volume-claims.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { readPasswords, readStorage } from './read.ts'

export interface Desired {
  /** All but the namespace itself and who may act in it: that is provisioning's alone. */
  readonly objects: readonly KubernetesObject[]
  /** For `applyAll`: the volumes where they cannot grow. */
  readonly today: readonly KubernetesObject[]
  readonly passwords: InstanceSecrets
}

/** The objects of an instance that has been provisioned, computed from its spec with what only the cluster knows. */
export async function desiredOf(
  kubernetes: Kubernetes,
  spec: InstanceSpec,
  platform: Platform,
  signal: AbortSignal,
): Promise<Desired> {
  const [passwords, storage] = await Promise.all([
    readPasswords(kubernetes, spec.name, signal),
    readStorage(kubernetes, spec.name, signal),
  ])
  // A new password would have to be told to PostgreSQL too, which is what provisioning does.
  if (!passwords) throw new Error(`instance "${spec.name}" has lost its Secret: provisioning makes a new one`)
  const objects = instanceObjects(spec, platform, passwords, storage).filter(
    ({ kind }) => kind !== 'Namespace' && kind !== 'RoleBinding',
  )
  return { objects, today: claimsAsToday(spec, platform, storage), passwords }
}
