// Keeps a copy of a collection by watching it, as wake does, so that a test can ask whether the copy is true.
import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { onTestFinished } from 'vitest'

import type { KubernetesError } from '#shared/k8s/errors.ts'
import type { Kubernetes, WatchEvent } from '#shared/k8s/kubernetes.ts'

export interface Follower {
  /** Name → value of `data.at`. */
  readonly copy: ReadonlyMap<string, string>
  readonly events: readonly WatchEvent<ConfigMap>['type'][]
  readonly faults: readonly { readonly error: KubernetesError; readonly retryInMs: number }[]
  readonly syncs: number
  /** Resolves when the watch has ended by itself. */
  readonly ended: Promise<void>
  stop(): void
}

export function follow(kubernetes: Kubernetes, namespace: string): Follower {
  const ending = new AbortController()
  const copy = new Map<string, string>()
  const events: WatchEvent<ConfigMap>['type'][] = []
  const faults: { error: KubernetesError; retryInMs: number }[] = []
  const onFault = (error: KubernetesError, retryInMs: number) => void faults.push({ error, retryInMs })
  const keep = ({ metadata, data }: ConfigMap) => copy.set(metadata?.name ?? '', data?.['at'] ?? '')

  async function run(): Promise<void> {
    const kind = { apiVersion: 'v1', kind: 'ConfigMap', namespace }
    const fieldSelector = 'metadata.name!=kube-root-ca.crt'
    for await (const event of kubernetes.watch<ConfigMap>(kind, { fieldSelector, onFault, signal: ending.signal })) {
      events.push(event.type)
      switch (event.type) {
        case 'synced':
          copy.clear()
          event.objects.forEach(keep)
          break
        case 'applied':
          keep(event.object)
          break
        case 'deleted':
          copy.delete(event.object.metadata?.name ?? '')
          break
      }
    }
  }
  const ended = run()
  ended.catch(() => undefined)
  onTestFinished(() => ending.abort())
  return {
    copy,
    events,
    faults,
    get syncs() {
      return events.filter((type) => type === 'synced').length
    },
    ended,
    stop: () => ending.abort(),
  }
}

export async function write(kubernetes: Kubernetes, namespace: string, name: string, at: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { at } }
  await kubernetes.apply(object, { fieldManager: 'test', signal: AbortSignal.timeout(20_000) })
}

export async function remove(kubernetes: Kubernetes, namespace: string, name: string): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name }
  await kubernetes.delete(ref, { signal: AbortSignal.timeout(20_000) })
}
