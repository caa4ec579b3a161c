// Two looks. The first, cheap one at the Deployment and at what the instance itself is doing; the second behind the
// fence, when no new request can reach the instance, at what every wake replica saw and at the instance once more.
// Whatever nobody knows for certain keeps the instance awake.
import type { Instance } from '#shared/instance/read.ts'
import { isKeepAwakeUnreadable } from '#shared/instance/wishes.ts'
import type { CronJob } from '#shared/postgres/crons.ts'
import type { CronPlan } from './crons.ts'

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
  | { readonly do: 'look closer'; readonly instance: Instance }
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'say it sleeps'; readonly instance: Instance }
  | ({ readonly do: 'decline' } & Objection)

/** Why an instance stays awake. Machines compare the word, people read the sentence. */
export const vetoes = [
  'kept-awake',
  'keep-awake-unreadable',
  'just-woken',
  'no-replica',
  'replica-silent',
  'replica-young',
  'request-in-flight',
  'activity',
  'presence',
  'tenant-unknown',
  'database-session',
  'job-running',
  'cron-due',
  'changed-meanwhile',
] as const
export type Veto = (typeof vetoes)[number]

export interface Objection {
  readonly veto: Veto
  readonly why: string
  /** How much longer it stays at least, where that is known. */
  readonly forMs?: number | undefined
}

export function firstLook({ instance, deploymentUid, now, timeoutMs, minimumAwakeMs }: FirstSeen): FirstDecision {
  if (instance === undefined || instance.deleting) return { do: 'nothing', why: 'the instance is gone' }
  if (instance.uid !== deploymentUid)
    return { do: 'nothing', why: 'the event is about an earlier instance of this name' }
  if (instance.replicas === 0) return { do: 'say it sleeps', instance }
  const kept = keptAwake(instance, now)
  if (kept !== undefined) return { do: 'decline', ...kept }
  const awakeMs = awakeFor(instance, now)
  const leastMs = Math.min(minimumAwakeMs, timeoutMs)
  if (awakeMs < leastMs) {
    return { do: 'decline', veto: 'just-woken', why: `awake for only ${inWords(awakeMs)}`, forMs: leastMs - awakeMs }
  }
  return { do: 'look closer', instance }
}

/** Whoever wrote something we cannot read wanted it awake; only a person can say until when. */
function keptAwake(instance: Instance, now: Temporal.Instant): Objection | undefined {
  if (isKeepAwakeUnreadable(instance)) {
    return { veto: 'keep-awake-unreadable', why: instance.faults.map(({ text }) => text).join('; ') }
  }
  const forMs = instance.keepAwakeUntil === undefined ? 0 : span(now, instance.keepAwakeUntil)
  return forMs > 0 ? { veto: 'kept-awake', why: `kept awake for another ${inWords(forMs)}`, forMs } : undefined
}

/** Milliseconds since it was woken or made. An instance that does not say counts as awake for ever. */
export function awakeFor({ since, createdAt }: Instance, now: Temporal.Instant): number {
  const from = since ?? createdAt
  return from === undefined ? Infinity : Math.max(0, span(from, now))
}

function span(from: Temporal.Instant, to: Temporal.Instant): number {
  return to.epochMilliseconds - from.epochMilliseconds
}

/** Woken for a request after which nobody asked for anything: a robot that looks like a browser, a tab closed at once. */
export function isFalseWake({ wokenBy, lastWakeMs = 0 }: Instance, awakeMs: number, idleMs: number): boolean {
  return wokenBy?.trigger === 'http' && idleMs >= awakeMs - lastWakeMs
}

/** What the instance itself is doing; `unknown` says why nobody could tell. */
export type Tenant =
  | { readonly unknown: string }
  | {
      readonly unknown?: undefined
      /** Of its database role, the longest first; never idle ones. */
      readonly sessions: readonly {
        readonly pid: number
        readonly state: string
        readonly sinceSeconds: number
        readonly application: string
      }[]
      /** Names of its maintenance Jobs that have not ended. */
      readonly jobs: readonly string[]
      readonly crons: CronPlan
    }

export function objectionOf(tenant: Tenant, now: Temporal.Instant): Objection | undefined {
  if (tenant.unknown !== undefined)
    return { veto: 'tenant-unknown', why: `nobody knows what it does: ${tenant.unknown}` }
  const [job] = tenant.jobs
  if (job !== undefined) return { veto: 'job-running', why: `the maintenance Job ${job} is running` }
  const [longest] = tenant.sessions
  if (longest !== undefined) {
    const { pid, state, sinceSeconds, application } = longest
    const who = application === '' ? '' : ` of ${application.slice(0, 60)}`
    const more = tenant.sessions.length === 1 ? '' : `, and ${tenant.sessions.length - 1} more`
    const why = `the database session ${pid}${who} has been ${state} for ${inWords(sinceSeconds * 1000)}${more}`
    return { veto: 'database-session', why }
  }
  return tenant.crons.is === 'due' ? dueSoon(tenant.crons.job, now) : undefined
}

function dueSoon({ name, dueAt }: CronJob, now: Temporal.Instant): Objection {
  const inMs = span(now, dueAt)
  if (inMs > 0) return { veto: 'cron-due', why: `the scheduled job "${name}" is due in ${inWords(inMs)}`, forMs: inMs }
  return { veto: 'cron-due', why: `the scheduled job "${name}" has been due for ${inWords(-inMs)}` }
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
  | ({ readonly do: 'decline' } & Objection)

export function secondLook({ reports, timeoutMs }: SecondSeen): SecondDecision {
  if (reports.length === 0) return decline('no-replica', 'no wake replica could say whether it is in use')
  let idleMs = Infinity
  for (const { replica, answer } of reports) {
    if (answer === undefined) return decline('replica-silent', `wake replica ${replica} did not answer`)
    if (answer.inFlight > 0) return decline('request-in-flight', `${answer.inFlight} requests are in flight`)
    if (answer.idleMs !== null && answer.idleMs < timeoutMs)
      return decline('activity', `used ${inWords(answer.idleMs)} ago`, timeoutMs - answer.idleMs)
    if (answer.humanIdleMs !== null && answer.humanIdleMs < timeoutMs) {
      const { humanIdleMs } = answer
      return decline('presence', `somebody moved ${inWords(humanIdleMs)} ago`, timeoutMs - humanIdleMs)
    }
    // Before it started, another replica may have seen what nobody can tell any more.
    if (answer.upForMs < timeoutMs) {
      const why = `wake replica ${replica} has watched for only ${inWords(answer.upForMs)}`
      return decline('replica-young', why, timeoutMs - answer.upForMs)
    }
    idleMs = Math.min(idleMs, answer.idleMs ?? answer.upForMs)
  }
  return { do: 'scale to 0', idleMs }
}

function decline(veto: Veto, why: string, forMs?: number): SecondDecision {
  return { do: 'decline', veto, why, forMs }
}

/** `42 s`, `17 min`, `3 h`: for sentences, not for machines. */
export function inWords(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
