// Tombstones do not stand for ever. Each removal looks for old ones; when nothing is removed, none are added either.
import type { ConfigMap, Namespace } from 'kubernetes-types/core/v1.js'
import { namespaceRef } from '#shared/cluster/refs.ts'
import { labelKeys } from '#shared/instance/names.ts'
import { oldTombstones } from '#shared/instance/tombstone.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

export interface SweepDeps {
  readonly kubernetes: Kubernetes
  readonly now: () => Temporal.Instant
  readonly log: Log
  readonly functionsNamespace: string
}

/** The removal is done whether or not this succeeds. */
export async function sweepTombstones(deps: SweepDeps, signal: AbortSignal): Promise<void> {
  const { kubernetes, now, log, functionsNamespace: namespace } = deps
  const kind = { apiVersion: 'v1', kind: 'ConfigMap', namespace }
  try {
    const old = kubernetes.list<ConfigMap>(kind, { labelSelector: oldTombstones(now()), signal })
    for await (const { metadata } of old) {
      if (metadata?.name === undefined || (await isNeeded(metadata.labels, kubernetes, signal))) continue
      await kubernetes.delete({ ...kind, name: metadata.name }, { ...(metadata.uid && { uid: metadata.uid }), signal })
    }
  } catch (error) {
    log.warn({ error: String(error) }, 'could not sweep old tombstones')
  }
}

/** A removal that never came to its end still needs its own. */
async function isNeeded(
  labels: Readonly<Record<string, string>> | undefined,
  kubernetes: Kubernetes,
  signal: AbortSignal,
): Promise<boolean> {
  const name = labels?.[labelKeys.instance]
  return name !== undefined && (await kubernetes.get<Namespace>(namespaceRef(name), { signal })) !== undefined
}
