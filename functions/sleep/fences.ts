// The fence on every wake replica: raised before the second look, lifted when nothing comes of it.
import { liftFence, raiseFence, wakeReplicas, type Replica, type ReplicaSettings } from '#shared/wake/replicas.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { Report } from './decide.ts'

export interface FenceDeps {
  readonly kubernetes: Kubernetes
  readonly log: Log
  readonly replicas: ReplicaSettings
  /** How long a fence stands when nobody lifts it. */
  readonly fenceTtlMs: number
}

/** A fence that stands, and what the replica said when it raised it. */
export interface Raised extends Report {
  readonly at: Replica
  readonly fence?: string | undefined
}

export async function raiseEverywhere(name: string, deps: FenceDeps, signal: AbortSignal): Promise<readonly Raised[]> {
  const replicas = await wakeReplicas(deps.kubernetes, deps.replicas, signal)
  return Promise.all(
    replicas.map(async (at): Promise<Raised> => {
      try {
        const answer = await raiseFence(at, name, deps.fenceTtlMs, deps.replicas, signal)
        return { at, replica: at.name, answer, fence: answer.fence }
      } catch (error) {
        deps.log.warn({ instance: name, replica: at.name, error: String(error) }, 'fence not raised')
        return { at, replica: at.name }
      }
    }),
  )
}

/** A replica that came while the others were asked holds nothing back. */
export async function newReplica(
  raised: readonly Raised[],
  deps: FenceDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const known = new Set(raised.map(({ at }) => at.control))
  const now = await wakeReplicas(deps.kubernetes, deps.replicas, signal)
  return now.find(({ control }) => !known.has(control))?.name
}

/** Asked of the replicas even when our own caller has gone: a fence must not stand longer than it has to. */
export async function liftEverywhere(
  name: string,
  raised: readonly Raised[],
  { replicas, fenceTtlMs, log }: FenceDeps,
): Promise<void> {
  const signal = AbortSignal.timeout(fenceTtlMs)
  await Promise.all(
    raised.map(async ({ at, fence }) => {
      if (fence === undefined) return
      try {
        await liftFence(at, name, fence, replicas, signal)
      } catch (error) {
        log.warn({ instance: name, replica: at.name, error: String(error) }, 'fence not lifted, it will expire')
      }
    }),
  )
}
