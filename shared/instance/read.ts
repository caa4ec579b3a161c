// The other way round: from a Deployment as the API server gives it to what the functions want to know.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { z } from 'zod'
import { status, tier, type Status, type Tier } from '#shared/events/catalogue.ts'
import { annotationKeys, labelKeys, ports } from './names.ts'
import { lastVeto, wokenBy, type LastVeto, type WokenBy } from './why.ts'
import { readWishes, type Wishes } from './wishes.ts'

/** Counted since it was made; the time it is awake now is not in it. */
export interface Totals {
  readonly wakes: number
  readonly sleeps: number
  readonly falseWakes: number
  readonly awakeSeconds: number
}

export interface Instance extends Wishes {
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
  readonly wokenBy: WokenBy | undefined
  readonly lastVeto: LastVeto | undefined
  /** While it is awake: it sleeps no sooner. */
  readonly sleepsAt: Temporal.Instant | undefined
  /** How long its last wake took, in milliseconds. */
  readonly lastWakeMs: number | undefined
  readonly totals: Totals
  /** While it sleeps: when it is to be woken for a scheduled job. */
  readonly wakeAt: Temporal.Instant | undefined
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
    awakeSeconds: whole(notes[annotationKeys.awakeSeconds]),
    wokenBy: json(notes[annotationKeys.wokenBy], wokenBy),
    lastVeto: json(notes[annotationKeys.lastVeto], lastVeto),
    sleepsAt: instant(notes[annotationKeys.sleepsAt]),
    lastWakeMs: whole(notes[annotationKeys.recentWakes]?.split(' ')[0]),
    totals: {
      wakes: whole(notes[annotationKeys.wakes]) ?? 0,
      sleeps: whole(notes[annotationKeys.sleeps]) ?? 0,
      falseWakes: whole(notes[annotationKeys.falseWakes]) ?? 0,
      awakeSeconds: whole(notes[annotationKeys.awakeTotalSeconds]) ?? 0,
    },
    wakeAt: instant(notes[annotationKeys.wakeAt]),
    ...readWishes(notes),
    createdAt: instant(metadata?.creationTimestamp),
    deleting: metadata?.deletionTimestamp !== undefined,
  }
}

function count(text: string | undefined): number {
  return text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : 0
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}

function json<T>(text: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (text === undefined) return undefined
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
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
