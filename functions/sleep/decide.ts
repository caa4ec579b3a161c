// Two looks. The first, cheap one at the Deployment; the second behind the fence, when no new request can reach the
// instance, at what every wake replica saw. Whatever nobody knows for certain keeps the instance awake.
import type { Instance } from '#shared/instance/read.ts'

export interface FirstSeen {
  /** Undefined when there is no such instance (any more). */
  readonly instance: Instance | undefined
  /** The Deployment that was found idle. A namesake made since is another instance. */
  readonly deploymentUid: string
  readonly now: Temporal.Instant
  /** How long without activity counts as idle. */
  readonly timeoutMs: number
  readonly minimumAwakeMs: number
}

export type FirstDecision =
  | { readonly do: 'look behind the fence' }
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'say it sleeps' }
  | { readonly do: 'decline'; readonly veto: Veto; readonly why: string }

/** Why an instance stays awake. Machines compare the word, people read the sentence. */
export const vetoes = [
  'kept-awake',
  'just-woken',
  'no-replica',
  'replica-silent',
  'replica-young',
  'request-in-flight',
  'activity',
  'presence',
  'changed-meanwhile',
] as const
export type Veto = (typeof vetoes)[number]

export function firstLook({ instance, deploymentUid, now, timeoutMs, minimumAwakeMs }: FirstSeen): FirstDecision {
  if (instance === undefined || instance.deleting) return { do: 'nothing', why: 'the instance is gone' }
  if (instance.uid !== deploymentUid)
    return { do: 'nothing', why: 'the event is about an earlier instance of this name' }
  if (instance.replicas === 0) return { do: 'say it sleeps' }
  const keepAwakeMs = instance.keepAwakeUntil === undefined ? 0 : span(now, instance.keepAwakeUntil)
  if (keepAwakeMs > 0)
    return { do: 'decline', veto: 'kept-awake', why: `kept awake for another ${inWords(keepAwakeMs)}` }
  const awakeMs = awakeFor(instance, now)
  if (awakeMs < Math.min(minimumAwakeMs, timeoutMs)) {
    return { do: 'decline', veto: 'just-woken', why: `awake for only ${inWords(awakeMs)}` }
  }
  return { do: 'look behind the fence' }
}

/** Milliseconds since it was woken or made. An instance that does not say counts as awake for ever. */
export function awakeFor({ since, createdAt }: Instance, now: Temporal.Instant): number {
  const from = since ?? createdAt
  return from === undefined ? Infinity : Math.max(0, span(from, now))
}

function span(from: Temporal.Instant, to: Temporal.Instant): number {
  return to.epochMilliseconds - from.epochMilliseconds
}

/** What one replica answered when it raised the fence; undefined when it did not answer. */
export interface Report {
  readonly replica: string
  readonly answer?:
    | {
        readonly upForMs: number
        readonly idleMs: number | null
        readonly inFlight: number
        readonly humanIdleMs: number | null
      }
    | undefined
}

export interface SecondSeen {
  readonly reports: readonly Report[]
  readonly timeoutMs: number
}

export type SecondDecision =
  | { readonly do: 'scale to 0'; readonly idleMs: number }
  | { readonly do: 'decline'; readonly veto: Veto; readonly why: string }

export function secondLook({ reports, timeoutMs }: SecondSeen): SecondDecision {
  if (reports.length === 0) return decline('no-replica', 'no wake replica could say whether it is in use')
  let idleMs = Infinity
  for (const { replica, answer } of reports) {
    if (answer === undefined) return decline('replica-silent', `wake replica ${replica} did not answer`)
    if (answer.inFlight > 0) return decline('request-in-flight', `${answer.inFlight} requests are in flight`)
    if (answer.idleMs !== null && answer.idleMs < timeoutMs)
      return decline('activity', `used ${inWords(answer.idleMs)} ago`)
    if (answer.humanIdleMs !== null && answer.humanIdleMs < timeoutMs) {
      return decline('presence', `somebody moved ${inWords(answer.humanIdleMs)} ago`)
    }
    // Before it started, another replica may have seen what nobody can tell any more.
    if (answer.upForMs < timeoutMs) {
      return decline('replica-young', `wake replica ${replica} has watched for only ${inWords(answer.upForMs)}`)
    }
    idleMs = Math.min(idleMs, answer.idleMs ?? answer.upForMs)
  }
  return { do: 'scale to 0', idleMs }
}

function decline(veto: Veto, why: string): SecondDecision {
  return { do: 'decline', veto, why }
}

/** `42 s`, `17 min`, `3 h`: for sentences, not for machines. */
export function inWords(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
