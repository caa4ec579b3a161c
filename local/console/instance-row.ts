// One instance as the console tells of it. Pure: what the API server and the wake replicas said goes in, words come out.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { type Instance, readInstance } from '#shared/instance/read.ts'
import { wordsOf } from '#shared/instance/why.ts'
import type { Activity } from '#shared/wake/contract.ts'

export type State =
  | 'awake'
  | 'waking'
  | 'asleep'
  | 'falling asleep'
  | 'in trouble'
  | 'suspended'
  | 'disabled'
  | 'leaving'

export interface InstanceRow {
  readonly instance: Instance
  readonly state: State
  /** One sentence: why it is awake or asleep. */
  readonly why: string
  readonly sinceMs: number | undefined
  /** Age of the last request of a person or an API client; undefined when no replica saw one. */
  readonly lastActivityMs: number | undefined
  readonly inFlight: number
  /** Open and parked WebSockets. */
  readonly sockets: number
}

export interface Seen {
  readonly deployment: Deployment
  readonly activities: readonly Activity[]
  readonly now: Temporal.Instant
  readonly idleTimeoutMs: number
}

/** Undefined when the Deployment is not an instance's. */
export function rowOf(seen: Seen): InstanceRow | undefined {
  const instance = readInstance(seen.deployment)
  if (instance === undefined) return undefined
  const heard = seen.activities.flatMap(({ instances }) => instances[instance.name] ?? [])
  const ages = heard.flatMap(({ idleMs }) => idleMs ?? [])
  const trouble = heard.find(({ state }) => state === 'failed')
  const state = stateOf(instance, seen.deployment.status?.replicas ?? 0, trouble !== undefined)
  const inFlight = sum(heard.map((one) => one.inFlight))
  const lastActivityMs = ages.length === 0 ? undefined : Math.min(...ages)
  return {
    instance,
    state,
    why: why({ state, instance, inFlight, lastActivityMs, idleTimeoutMs: seen.idleTimeoutMs, trouble: trouble?.why }),
    sinceMs: since(instance, seen.now),
    lastActivityMs,
    inFlight,
    sockets: sum(heard.map(({ sockets, parked }) => sockets + parked)),
  }
}

function stateOf({ deleting, status, replicas, readyReplicas }: Instance, pods: number, trouble: boolean): State {
  if (deleting) return 'leaving'
  if (status !== 'active') return status
  if (replicas === 0) return pods === 0 ? 'asleep' : 'falling asleep'
  if (readyReplicas > 0) return 'awake'
  return trouble ? 'in trouble' : 'waking'
}

interface Told {
  readonly state: State
  readonly instance: Instance
  readonly inFlight: number
  readonly lastActivityMs: number | undefined
  readonly idleTimeoutMs: number
  readonly trouble: string | undefined
}

function why({ state, instance, inFlight, lastActivityMs, idleTimeoutMs, trouble }: Told): string {
  const noted = instance.why ?? defaults[state] ?? wordsOf(instance)
  if (state === 'in trouble') return trouble ?? noted
  if (state !== 'awake') return noted
  if (inFlight > 0) return `${noted} · ${inFlight} ${inFlight === 1 ? 'request is' : 'requests are'} in flight`
  if (lastActivityMs === undefined) return noted
  const leftMs = idleTimeoutMs - lastActivityMs
  const next = leftMs > 0 ? `may sleep in ${inWords(leftMs)}` : 'about to be put to sleep'
  return `${noted} · used ${inWords(lastActivityMs)} ago, ${next}`
}

/** Where nobody has written down why, and its state says more. */
const defaults: Readonly<Partial<Record<State, string>>> = {
  waking: 'on its way up',
  'falling asleep': 'its pod is ending',
  'in trouble': 'it does not come up',
  suspended: 'suspended by its owner or the platform',
  disabled: 'disabled',
  leaving: 'being removed',
}

function since({ since: noted, createdAt }: Instance, now: Temporal.Instant): number | undefined {
  const from = noted ?? createdAt
  return from === undefined ? undefined : Math.max(0, now.epochMilliseconds - from.epochMilliseconds)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/** `42 s`, `17 min`, `3 h`, `2 days`. */
export function inWords(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} days`
}
