// The two watches that everything here is known from. Between changes they cost nothing.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Kubernetes, Manifest, WatchOptions } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { factsOf } from './entry.ts'
import { podOf, type Rooms } from './rooms.ts'

export interface WatchDeps {
  readonly kubernetes: Kubernetes
  readonly rooms: Rooms
  /** DEPLOYMENT_LABEL: on the Deployments and on their pods. */
  readonly labelSelector: string
  readonly log: Log
}

/** Small pages: what is read of thousands of objects is garbage a moment later. */
const limit = 100

/** Runs until the signal ends it; rejects only when the API server does not let us watch at all. */
export async function watchInstances(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  await Promise.all([followDeployments(deps, signal), followPods(deps, signal)])
}

async function followDeployments(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const pick = carefully(factsOf, deps.log)
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
  for await (const event of deps.kubernetes.watch(kind, { ...options(kind.kind, deps, signal), pick })) {
    deps.rooms.deployments(event)
    if (event.type === 'synced') collectGarbageSoon()
  }
}

async function followPods(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const pick = carefully(podOf, deps.log)
  const kind = { apiVersion: 'v1', kind: 'Pod' }
  for await (const event of deps.kubernetes.watch(kind, { ...options(kind.kind, deps, signal), pick })) {
    deps.rooms.pods(event)
  }
}

/**
 * What a list of thousands leaves behind is more than what is kept of it, and a process at rest collects nothing by itself.
 * A moment later, when the last page is nobody's any more. Not by `node --expose-gc`: so started, V8 takes no compiled code, not even that of
 * Node's own modules.
 */
function collectGarbageSoon(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as NonNullable<typeof globalThis.gc>
    setFlagsFromString('--no-expose-gc')
    collect({ type: 'major', flavor: 'last-resort' })
  }, 2_000).unref()
}

function options(kind: string, { labelSelector, log }: WatchDeps, signal: AbortSignal): Omit<WatchOptions, 'pick'> {
  const onFault = (error: Error, retryInMs: number): void =>
    log.warn({ kind, error: error.message, retryInMs }, 'the watch was interrupted')
  return { labelSelector, limit, signal, onFault }
}

/** One strange object must not blind us for all the others. */
function carefully<T extends Manifest, Kept>(
  read: (object: T) => Kept | undefined,
  log: Log,
): (object: T) => Kept | undefined {
  return (object) => {
    try {
      return read(object)
    } catch (error) {
      log.error({ object: object.metadata?.name, error }, 'an object could not be read')
      return undefined
    }
  }
}
