// Who answers for a Service now: EndpointSlices, followed by a watch. In place of cluster DNS and kube-proxy.
import type { Service } from 'kubernetes-types/core/v1.js'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js'
import type { Destination } from '#local/broker/manifest.ts'
import type { Target } from '#local/broker/attempt.ts'
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
  /** The Services that were applied: which of their ports is port 80. */
  readonly services: readonly Service[]
  /** Ends the watch. */
  readonly signal: AbortSignal
  readonly onFault: (error: unknown) => void
}

const kind = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }

/** Resolves when the first list has come. */
export async function followAddresses(options: AddressOptions): Promise<Addresses> {
  const { kubernetes, services, signal, onFault } = options
  let slices = new Map<string, EndpointSlice>()
  let turn = 0
  await new Promise<void>((synced) => {
    const follow = async (): Promise<void> => {
      for await (const event of kubernetes.watch<EndpointSlice>(kind, { signal })) {
        if (event.type === 'synced') slices = new Map(event.objects.map((slice) => [keyOf(slice), slice]))
        else if (event.type === 'applied') slices.set(keyOf(event.object), event.object)
        else slices.delete(keyOf(event.object))
        synced()
      }
    }
    follow().catch((error: unknown) => {
      if (!signal.aborted) onFault(error)
    })
  })
  const ready = (namespace: string, service: string): readonly Address[] => {
    const name = portName(services, namespace, service)
    return [...slices.values()]
      .filter((slice) => isOf(slice, namespace, service))
      .flatMap((slice) => readyOf(slice, name))
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

function keyOf({ metadata }: EndpointSlice): string {
  return `${metadata?.namespace}/${metadata?.name}`
}

function isOf({ metadata }: EndpointSlice, namespace: string, service: string): boolean {
  return metadata?.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === service
}

/** Name of the port 80 of a Service; a Service with one port may leave it out. */
function portName(services: readonly Service[], namespace: string, name: string): string {
  const found = services.find(({ metadata }) => metadata?.namespace === namespace && metadata.name === name)
  return found?.spec?.ports?.find(({ port }) => port === 80)?.name ?? ''
}

function readyOf({ endpoints, ports }: EndpointSlice, name: string): readonly Address[] {
  const port = ports?.find((one) => (one.name ?? '') === name)?.port
  if (port === undefined) return []
  return endpoints
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses.map((host) => ({ host, port })))
}
