// What one wake replica keeps of one instance. There are thousands and nearly all of them sleep, so a sleeper costs a
// few hundred bytes: everything else is `null` until it is needed.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Status } from '#shared/events/catalogue.ts'
import { annotationKeys, deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { readInstance, type Totals } from '#shared/instance/read.ts'
import type { LastVeto } from '#shared/instance/why.ts'
import type { Waiting } from '../hold.ts'
import type { Room } from './life.ts'
import { troubleOfDeployment, type PodFacts, type Told, type Trouble } from './world.ts'
import type { Rhythm } from '../classes/rhythm.ts'

/** The few things of a Deployment that matter at the door. */
export interface Facts {
  readonly name: string
  readonly uid: string
  readonly hosts: readonly string[]
  readonly status: Status
  readonly replicas: number
  readonly trouble: Trouble | null
  readonly websocketPort: number
  readonly odooVersion: string | undefined
  readonly why: string | undefined
  /** Null for nearly all: thousands of sleepers are kept in memory. */
  readonly lastVeto: LastVeto | null
  readonly totals: Totals | null
  /** Of the last wakes, newest first, in milliseconds. */
  readonly recentWakes: readonly number[]
  /** When it was woken or made, in seconds since 1970; null while it sleeps. */
  readonly awakeSince: number | null
}

/** What happened here, on this replica. */
export interface Usage {
  inFlight: number
  sockets: number
  parked: number
  /** When the last class A request ended; null: none since this replica started. */
  activeAt: number | null
  /** When a human last touched mouse or keyboard, as the tab itself said. */
  humanAt: number | null
  /** What kept coming, to know a timer from a person. */
  rhythm: Rhythm | null
}

export interface Moment {
  readonly at: string
  readonly state: string
  readonly why: string
}

export interface Entry {
  facts: Facts
  room: Room
  pods: readonly PodFacts[]
  /** Requests that are held. */
  waiting: Waiting | null
  /** Loading pages that want to know how far it is. */
  watching: Waiting | null
  usage: Usage | null
  /** Newest first, at most `momentsKept`. */
  moments: readonly Moment[]
  /** Result of `/web/webclient/version_info` as the instance last gave it, as JSON. */
  versionInfo: string | null
  /** What its pod's Events say of it (pod-events.ts). */
  told: Told | null
  probing: { readonly pod: string; readonly stop: AbortController } | null
  timer: NodeJS.Timeout | null
}

const none: readonly never[] = []
const momentsKept = 12
const wakesKept = 5

/** Undefined for what is no instance of ours: the name, the namespace and the labels have to fit together. */
export function factsOf(deployment: Deployment): Facts | undefined {
  const instance = readInstance(deployment)
  if (instance === undefined || instance.namespace !== namespaceOf(instance.name)) return undefined
  if (deployment.metadata?.name !== deploymentOf(instance.name)) return undefined
  const { name, uid, hosts, status, replicas, websocketPort, odooVersion, why, deleting, totals } = instance
  const since = replicas > 0 ? (instance.since ?? instance.createdAt) : undefined
  return {
    name,
    uid,
    hosts: hosts.map((host) => host.toLowerCase()),
    status: deleting ? 'disabled' : status,
    replicas,
    trouble: troubleOfDeployment(deployment),
    websocketPort,
    odooVersion,
    why,
    lastVeto: instance.lastVeto ?? null,
    totals: totals.wakes + totals.sleeps === 0 ? null : totals,
    recentWakes: readWakes(deployment.metadata?.annotations?.[annotationKeys.recentWakes]),
    awakeSince: since === undefined ? null : since.epochMilliseconds / 1000,
  }
}

/** `2310 2204`, as `withWake` wrote it; people may have edited it. */
function readWakes(text: string | undefined): readonly number[] {
  if (!text) return none
  return text.split(' ').map(Number).filter(Number.isSafeInteger).slice(0, wakesKept)
}

export function withWake({ recentWakes }: Facts, milliseconds: number): string {
  return [Math.round(milliseconds), ...recentWakes].slice(0, wakesKept).join(' ')
}

/** The middle one of the last wakes. */
export function usualWakeMs({ facts }: Entry): number | undefined {
  if (facts.recentWakes.length === 0) return undefined
  const sorted = facts.recentWakes.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

export function newEntry(facts: Facts, room: Room, pods: readonly PodFacts[]): Entry {
  return {
    facts,
    room,
    pods,
    waiting: null,
    watching: null,
    usage: null,
    moments: none,
    versionInfo: null,
    told: null,
    probing: null,
    timer: null,
  }
}

export function usageOf(entry: Entry): Usage {
  return (entry.usage ??= { inFlight: 0, sockets: 0, parked: 0, activeAt: null, humanAt: null, rhythm: null })
}

export function waitingFor(entry: Entry): Waiting {
  return (entry.waiting ??= new Set())
}

export function watchingFor(entry: Entry): Waiting {
  return (entry.watching ??= new Set())
}

export function note(entry: Entry, moment: Moment): void {
  if (entry.moments[0]?.state === moment.state && entry.moments[0].why === moment.why) return
  entry.moments = [moment, ...entry.moments].slice(0, momentsKept)
}
