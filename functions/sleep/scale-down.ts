import { isDeepStrictEqual } from 'node:util'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { isConflict } from '#shared/k8s/errors.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { refOf } from './tell.ts'

/**
 * Scales the Deployment as it was looked at, and nothing else: 409 Conflict when somebody changed it since. Its
 * controller's word is none: it writes the status anew after each note that we leave.
 */
export async function scaleToZero(
  name: string,
  looked: Deployment,
  kubernetes: Kubernetes,
  signal: AbortSignal,
): Promise<void> {
  const ref = refOf(name)
  for (let seen = looked; ;) {
    const { uid, resourceVersion } = versionOf(seen)
    try {
      await kubernetes.scale(ref, 0, { uid, resourceVersion, signal })
      return
    } catch (error) {
      if (!isConflict(error)) throw error
      const now = await kubernetes.get<Deployment>(ref, { signal })
      const isNew = now !== undefined && versionOf(now).resourceVersion !== resourceVersion
      if (!isNew || !isDeepStrictEqual(wishOf(now), wishOf(looked))) throw error
      seen = now
    }
  }
}

/** Without one, nothing would be compared. */
function versionOf({ metadata: { uid, resourceVersion } = {} }: Deployment): { uid: string; resourceVersion: string } {
  if (!uid || !resourceVersion) throw new Error('the API server gave a Deployment without uid and resourceVersion')
  return { uid, resourceVersion }
}

/** What people and programs wrote. */
function wishOf({ metadata, spec }: Deployment): object {
  const { resourceVersion: _, managedFields: __, ...written } = metadata ?? {}
  return { written, spec }
}
