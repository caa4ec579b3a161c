// The two watches that everything here is known from. Between changes they cost nothing.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import type { KindRef, Kubernetes, Manifest, WatchEvent } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { Rooms } from './rooms.ts'

export interface WatchDeps {
  readonly kubernetes: Kubernetes
  readonly rooms: Rooms
  /** DEPLOYMENT_LABEL: on the Deployments and on their pods. */
  readonly labelSelector: string
  readonly log: Log
}

/** Runs until the signal ends it; rejects only when the API server does not let us watch at all. */
export async function watchInstances(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const { rooms } = deps
  await Promise.all([
    follow<Deployment>({ apiVersion: 'apps/v1', kind: 'Deployment' }, rooms.deployments, deps, signal),
    follow<Pod>({ apiVersion: 'v1', kind: 'Pod' }, rooms.pods, deps, signal),
  ])
}

async function follow<T extends Manifest>(
  kind: KindRef,
  take: (event: WatchEvent<T>) => void,
  { kubernetes, labelSelector, log }: WatchDeps,
  signal: AbortSignal,
): Promise<void> {
  const onFault = (error: Error, retryInMs: number): void =>
    log.warn({ kind: kind.kind, error: error.message, retryInMs }, 'the watch was interrupted')
  for await (const event of kubernetes.watch<T>(kind, { labelSelector, signal, onFault })) {
    try {
      take(event)
    } catch (error) {
      // One strange object must not blind us for all the others.
      log.error({ kind: kind.kind, error }, 'an object could not be read')
    }
  }
}
