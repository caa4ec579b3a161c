// Who answers for a Service now: the ready pods that it selects, followed by a watch. In place of cluster DNS and
// kube-proxy, and of EndpointSlices, which the API server refuses to fill with loopback addresses.
import type { Pod, Service } from 'kubernetes-types/core/v1.js'
import type { Target } from '#local/broker/attempt.ts'
import type { Destination } from '#local/broker/manifest.ts'
import type { Address } from '#local/front-door.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

export interface Addresses {
  /** Addresses of the pods that are ready behind port 80 of a Service. */
  ready(namespace: string, service: string): readonly Address[]
  /** For the broker: takes turns among those that are ready. */
  resolve(destination: Destination, namespace: string): Target
}

export interface AddressOptions {
  readonly kubernetes: Kubernetes
  /** The Services that were applied: whom they select, and what is behind their port 80. */
  readonly services: readonly Service[]
  /** Ends the watch. */
  readonly signal: AbortSignal
  readonly onFault: (error: unknown) => void
}

/** Resolves when the first list has come. */
export async function followAddresses(options: AddressOptions): Promise<Addresses> {
  const { services } = options
  const pods = await followPods(options)
  let turn = 0
  const ready = (namespace: string, name: string): readonly Address[] => {
    const service = services.find(({ metadata }) => metadata?.namespace === namespace && metadata.name === name)
    return service === undefined ? [] : [...pods.values()].flatMap((pod) => addressOf(pod, service))
  }
  return {
    ready,
    resolve(destination, namespace) {
      const url = urlOf(destination, namespace)
      const service = serviceOf(url)
      if (service === undefined) return { name: url.href, address: url.href }
      const found = ready(service.namespace, service.name)
      const chosen = found[(turn += 1) % Math.max(found.length, 1)]
      const address = chosen && `http://${chosen.host}:${chosen.port}${url.pathname}`
      return { name: url.href, address }
    },
  }
}

/** As Knative resolves it: a Service's reference is its name in the cluster, and always port 80. */
export function urlOf({ ref, uri }: Destination, namespace: string): URL {
  if (ref === undefined) return new URL(uri ?? '')
  return new URL(uri ?? '/', `http://${ref.name}.${ref.namespace ?? namespace}.svc.cluster.local`)
}

function serviceOf({ hostname }: URL): { name: string; namespace: string } | undefined {
  const [name, namespace, svc] = hostname.split('.')
  return name !== undefined && namespace !== undefined && svc === 'svc' ? { name, namespace } : undefined
}

async function followPods({ kubernetes, signal, onFault }: AddressOptions): Promise<ReadonlyMap<string, Pod>> {
  const pods = new Map<string, Pod>()
  const put = (pod: Pod): unknown => pods.set(keyOf(pod), pod)
  await new Promise<void>((synced, fail) => {
    const follow = async (): Promise<void> => {
      for await (const event of kubernetes.watch<Pod>({ apiVersion: 'v1', kind: 'Pod' }, { signal })) {
        if (event.type === 'synced') {
          pods.clear()
          event.objects.forEach(put)
          synced()
        } else if (event.type === 'applied') put(event.object)
        else pods.delete(keyOf(event.object))
      }
    }
    follow().catch((error: unknown) => {
      fail(error)
      if (!signal.aborted) onFault(error)
    })
  })
  return pods
}

function keyOf({ metadata }: Pod): string {
  return `${metadata?.namespace}/${metadata?.name}`
}

function addressOf({ metadata, spec, status }: Pod, service: Service): readonly Address[] {
  const labels = Object.entries(service.spec?.selector ?? {})
  const selected =
    metadata?.namespace === service.metadata?.namespace &&
    labels.length > 0 &&
    labels.every(([key, value]) => metadata?.labels?.[key] === value)
  const ready = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true
  const host = status?.podIP
  if (!selected || !ready || host === undefined || metadata?.deletionTimestamp !== undefined) return []
  const wanted = service.spec?.ports?.find((one) => one.port === 80)?.targetPort ?? 80
  if (typeof wanted === 'number') return [{ host, port: wanted }]
  const named = spec?.containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === wanted)
  return named === undefined ? [] : [{ host, port: named.containerPort }]
}
