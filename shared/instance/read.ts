// The other way round: from a Deployment as the API server gives it to what the functions want to know.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { status, tier, type Status, type Tier } from '#shared/events/catalogue.ts'
import { annotationKeys, labelKeys, ports } from './names.ts'

export interface Instance {
  readonly name: string
  readonly namespace: string
  /** Of the Deployment: a namesake that was created later has another one. */
  readonly uid: string
  readonly resourceVersion: string
  readonly hosts: readonly string[]
  readonly tier: Tier
  readonly status: Status
  /** As wanted: 0 asleep, 1 awake or on the way. */
  readonly replicas: number
  readonly readyReplicas: number
  /** 0 = threaded. */
  readonly workers: number
  /** Port of the pod that speaks WebSocket: a threaded Odoo has nothing on its gevent port. */
  readonly websocketPort: number
  readonly odooVersion: string | undefined
  readonly why: string | undefined
  readonly since: Temporal.Instant | undefined
  /** How long it had been awake when it last fell asleep. */
  readonly awakeSeconds: number | undefined
  readonly keepAwakeUntil: Temporal.Instant | undefined
  readonly createdAt: Temporal.Instant | undefined
  /** It is on its way out: nobody wakes it, nobody puts it to sleep. */
  readonly deleting: boolean
}

/** Undefined when the Deployment is not an instance of ours. A missing annotation never is a reason to fail. */
export function readInstance({ metadata, spec, status: seen }: Deployment): Instance | undefined {
  const labels = metadata?.labels ?? {}
  const notes = metadata?.annotations ?? {}
  const name = labels[labelKeys.instance]
  const { namespace, uid, resourceVersion } = metadata ?? {}
  if (!name || !namespace || !uid || !resourceVersion) return undefined
  const workers = count(notes[annotationKeys.workers])
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    hosts: (notes[annotationKeys.hosts] ?? '')
      .split(',')
      .map((host) => host.trim())
      .filter((host) => host !== ''),
    // An unknown word must not open a door: such an instance counts as disabled, in the smallest tier.
    tier: tier.safeParse(labels[labelKeys.resourceTier]).data ?? 'free',
    status: status.safeParse(labels[labelKeys.status]).data ?? 'disabled',
    // Kubernetes' own default: a Deployment that does not say is one replica.
    replicas: spec?.replicas ?? 1,
    readyReplicas: seen?.readyReplicas ?? 0,
    workers,
    websocketPort: workers > 0 ? ports.websocket : ports.http,
    odooVersion: notes[annotationKeys.odooVersion],
    why: notes[annotationKeys.why],
    since: instant(notes[annotationKeys.since]),
    awakeSeconds: seconds(notes[annotationKeys.awakeSeconds]),
    keepAwakeUntil: instant(notes[annotationKeys.keepAwakeUntil]),
    createdAt: instant(metadata?.creationTimestamp),
    deleting: metadata?.deletionTimestamp !== undefined,
  }
}

function count(text: string | undefined): number {
  return text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : 0
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}

/** Annotations can be edited by hand: what is no instant counts as not set. */
function instant(text: string | undefined): Temporal.Instant | undefined {
  if (text === undefined) return undefined
  try {
    return Temporal.Instant.from(text)
  } catch {
    return undefined
  }
}
