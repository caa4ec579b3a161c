// What the controllers and the scheduler make of a Deployment, in two writes per wake and sleep instead of twenty: its pod, bound to a node.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { instanceOfNamespace } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

export interface Controllers {
  /** When an instance was last seen at 0 replicas (`performance.now()`). */
  scaledDownAt(name: string): number | undefined
  stop(): Promise<void>
}

/** Up to so much later than the Deployment says it (milliseconds). */
const jitterMs = 30
const gracePeriodSeconds = 20

interface Owned {
  wanted: number
  /** The pod that runs or is about to. */
  pod: string | undefined
  settling: boolean
}

export function startControllers(kubernetes: Kubernetes, node: string): Controllers {
  const stopping = new AbortController()
  const { signal } = stopping
  const all = new Map<string, Owned>()
  const downAt = new Map<string, number>()
  let made = 0

  async function follow(): Promise<void> {
    const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
    for await (const event of kubernetes.watch<Deployment>(kind, { labelSelector: 'app=odoo', signal })) {
      const seen = event.type === 'synced' ? event.objects : event.type === 'applied' ? [event.object] : []
      for (const deployment of seen) look(deployment)
    }
  }

  function look({ metadata, spec }: Deployment): void {
    const namespace = metadata?.namespace ?? ''
    const name = instanceOfNamespace(namespace) ?? ''
    const owned = all.get(namespace) ?? { wanted: 0, pod: undefined, settling: false }
    all.set(namespace, owned)
    const wanted = spec?.replicas ?? 0
    if (wanted === 0 && owned.wanted > 0) downAt.set(name, performance.now())
    owned.wanted = wanted
    settle(namespace, owned, metadata?.labels ?? {}).catch((error: unknown) => signal.aborted || console.error(error))
  }

  async function settle(namespace: string, owned: Owned, labels: Record<string, string>): Promise<void> {
    if (owned.settling) return
    owned.settling = true
    while (owned.wanted > 0 !== (owned.pod !== undefined)) {
      await sleep(Math.random() * jitterMs, undefined, { signal })
      if (owned.wanted > 0 && owned.pod === undefined) owned.pod = await create(namespace, labels)
      else if (owned.wanted === 0 && owned.pod !== undefined) {
        const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name: owned.pod }
        await kubernetes.delete(ref, { gracePeriodSeconds, signal })
        owned.pod = undefined
      }
    }
    owned.settling = false
  }

  async function create(namespace: string, labels: Record<string, string>): Promise<string> {
    const name = `odoo-${(made += 1)}`
    const containers = [{ name: 'odoo', image: 'odoo' }]
    const spec = { nodeName: node, containers, automountServiceAccountToken: false }
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec }
    await kubernetes.create(pod, { signal })
    return name
  }

  const following = follow()
  return {
    scaledDownAt: (name) => downAt.get(name),
    async stop() {
      stopping.abort()
      await following
    },
  }
}
