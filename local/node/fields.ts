// What a container may ask about its own pod: `fieldRef` of environment variables and of downward API volumes.
import type { Pod } from 'kubernetes-types/core/v1.js'

export interface Place {
  readonly podIP: string
  readonly hostIP: string
  readonly nodeName: string
}

/** Undefined when the local node does not know that field. */
export function field(path: string, pod: Pod, place: Place): string | undefined {
  const [, kind, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? []
  if (kind === 'labels' && key !== undefined) return pod.metadata?.labels?.[key] ?? ''
  if (kind === 'annotations' && key !== undefined) return pod.metadata?.annotations?.[key] ?? ''
  switch (path) {
    case 'metadata.name':
      return pod.metadata?.name
    case 'metadata.namespace':
      return pod.metadata?.namespace
    case 'metadata.uid':
      return pod.metadata?.uid
    case 'metadata.labels':
      return lines(pod.metadata?.labels)
    case 'metadata.annotations':
      return lines(pod.metadata?.annotations)
    case 'spec.nodeName':
      return place.nodeName
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? 'default'
    case 'status.podIP':
    case 'status.podIPs':
      return place.podIP
    case 'status.hostIP':
    case 'status.hostIPs':
      return place.hostIP
    default:
      return undefined
  }
}

function lines(values: Readonly<Record<string, string>> = {}): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')
}
