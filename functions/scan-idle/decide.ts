// Who has been idle for long enough? Only what every wake replica agrees on: one that does not answer, or that started
// later than the window, may have missed a request of which nobody else can tell. And which sleeper is due for a job?
import type { EventData } from '#shared/events/catalogue.ts'
import { instanceOfNamespace } from '#shared/instance/names.ts'
import type { Instance } from '#shared/instance/read.ts'
import { isKeepAwakeUnreadable } from '#shared/instance/wishes.ts'
import type { Activity } from '#shared/wake/contract.ts'
import type { Cause } from './event.ts'

/** Which instances to look at, and how long without activity counts as idle. */
export interface Scope {
  readonly names: readonly string[] | 'all'
  readonly timeoutMs: number
}

export interface Seen extends Limits {
  /** Every instance in scope that has a replica. */
  readonly awake: readonly Instance[]
  /** Sleepers in scope that are to be woken for a scheduled job, now or later. */
  readonly sleepers: readonly Instance[]
  /** What each wake replica answered; undefined for one that did not. */
  readonly answers: readonly (Activity | undefined)[]
}

export interface Limits {
  readonly now: Temporal.Instant
  readonly timeoutMs: number
  readonly minimumAwakeMs: number
  /** CRON_AWAKE: instead of the timeout, for one that was woken for a job and that nobody has used since. */
  readonly cronAwakeMs: number
}

export type IdleData = EventData<'io.platxa.instance.idle.detected.v1'>

export interface Decision {
  readonly idle: readonly IdleData[]
  readonly busy: number
  /** Sleepers whose scheduled job is due. */
  readonly due: readonly Due[]
  /** Why nothing could be said of anybody who is awake. */
  readonly unknown?: Unknown
}

/** Why a scan cannot say of anybody whether he is idle; the word is for machines. */
export const unknowns = {
  'no-replica': 'there is no wake replica',
  'replica-silent': 'a wake replica did not answer',
  'replica-young': 'a wake replica has not watched for long enough',
} as const
export type Unknown = keyof typeof unknowns

export interface Due {
  readonly name: string
  readonly uid: string
  readonly wakeAt: Temporal.Instant
}

/** A cron tick looks at everybody, an alert at the namespace it names, an operator at whom he wants. */
export function scopeOf(cause: Cause, idleTimeoutMs: number): Scope {
  switch (cause.type) {
    case 'dev.knative.sources.ping':
      return { names: 'all', timeoutMs: idleTimeoutMs }
    case 'io.platxa.idle.scan.requested.v1': {
      const { scope, idleSeconds } = cause.data
      // "Sooner than usual" is for instances that somebody named, never for all of them at once.
      const sooner = scope !== 'all' && idleSeconds !== undefined
      return { names: scope, timeoutMs: sooner ? Math.min(idleSeconds * 1000, idleTimeoutMs) : idleTimeoutMs }
    }
    case 'io.platxa.alert.firing.v1': {
      const { namespace } = cause.data
      const name = namespace === undefined ? undefined : instanceOfNamespace(namespace)
      return { names: name === undefined ? 'all' : [name], timeoutMs: idleTimeoutMs }
    }
  }
}

export function decide({ awake, sleepers, answers, ...limits }: Seen): Decision {
  const due = dueOf(sleepers, limits.now)
  const nobody = { idle: [], busy: 0, due }
  // Then the replicas were not even asked.
  if (awake.length === 0) return nobody
  if (answers.length === 0) return { ...nobody, unknown: 'no-replica' }
  const heard = answers.filter((answer) => answer !== undefined)
  if (heard.length < answers.length) return { ...nobody, unknown: 'replica-silent' }
  const youngestMs = Math.min(...heard.map(({ upForMs }) => upForMs))
  if (youngestMs < Math.min(limits.timeoutMs, limits.cronAwakeMs)) {
    return { ...nobody, unknown: 'replica-young' }
  }
  const idle = awake.flatMap((instance) => idleOf(usageOf(instance, heard, limits), youngestMs, limits) ?? [])
  return { idle, busy: awake.length - idle.length, due }
}

/** A tick that was missed is made up for by the next one. */
function dueOf(sleepers: readonly Instance[], now: Temporal.Instant): readonly Due[] {
  return sleepers.flatMap(({ name, uid, wakeAt, status }) =>
    wakeAt !== undefined && status === 'active' && Temporal.Instant.compare(wakeAt, now) <= 0
      ? [{ name, uid, wakeAt }]
      : [],
  )
}

/** What all replicas together saw of one instance. */
interface Use {
  readonly instance: Instance
  readonly awakeMs: number
  readonly idleMs: number
  readonly humanIdleMs: number
  /** Nobody has used it since it was woken for a scheduled job. */
  readonly forJobOnly: boolean
  readonly isWaking: boolean
  readonly replicas: number
  readonly inFlight: number
  readonly sockets: number
}

function usageOf(instance: Instance, heard: readonly Activity[], { now }: Limits): Use {
  const saw = heard.map(({ upForMs, instances }) => ({ upForMs, ...instances[instance.name] }))
  const least = (values: readonly (number | null | undefined)[]): number =>
    Math.min(Infinity, ...values.filter((value) => typeof value === 'number'))
  // Right after a wake the replicas know of it before the Deployment says so.
  const awakeMs = Math.min(since(instance.since ?? instance.createdAt, now), least(saw.map((one) => one.awakeMs)))
  const usedMs = least(saw.map(({ idleMs }) => idleMs))
  return {
    instance,
    awakeMs,
    idleMs: Math.min(awakeMs, ...saw.map(({ idleMs, upForMs }) => idleMs ?? upForMs)),
    humanIdleMs: least(saw.map(({ humanIdleMs }) => humanIdleMs)),
    forJobOnly: instance.wokenBy?.trigger === 'cron' && usedMs >= awakeMs,
    isWaking: saw.some(({ state }) => state === 'waking'),
    replicas: heard.length,
    inFlight: saw.reduce((sum, { inFlight = 0 }) => sum + inFlight, 0),
    sockets: saw.reduce((sum, { sockets = 0 }) => sum + sockets, 0),
  }
}

function idleOf(use: Use, youngestMs: number, limits: Limits): IdleData | undefined {
  const { instance, awakeMs, idleMs, humanIdleMs, forJobOnly, inFlight } = use
  const timeoutMs = forJobOnly ? Math.min(limits.cronAwakeMs, limits.timeoutMs) : limits.timeoutMs
  if (use.isWaking || awakeMs < Math.min(limits.minimumAwakeMs, timeoutMs)) return undefined
  if (youngestMs < timeoutMs || inFlight > 0 || idleMs < timeoutMs) return undefined
  // What keeps it although nobody uses it is for sleep to write down, once.
  const keeper = keeperOf(instance, humanIdleMs < timeoutMs, limits.now)
  if (keeper !== undefined && isNoted(instance, keeper)) return undefined
  return {
    name: instance.name,
    lastActivityAt: limits.now.subtract({ milliseconds: Math.round(idleMs) }).toString({ smallestUnit: 'second' }),
    idleSeconds: Math.floor(idleMs / 1000),
    deploymentUid: instance.uid,
    timeoutSeconds: Math.round(timeoutMs / 1000),
    evidence: {
      replicas: use.replicas,
      inFlight,
      sockets: use.sockets,
      humanIdleSeconds: Number.isFinite(humanIdleMs) ? Math.floor(humanIdleMs / 1000) : null,
      awakeSeconds: Math.floor(awakeMs / 1000),
    },
  }
}

/** The veto that sleep would answer with. */
function keeperOf(instance: Instance, isSomebodyThere: boolean, now: Temporal.Instant): string | undefined {
  if (isKeepAwakeUnreadable(instance)) return 'keep-awake-unreadable'
  const { keepAwakeUntil } = instance
  if (keepAwakeUntil !== undefined && Temporal.Instant.compare(keepAwakeUntil, now) > 0) return 'kept-awake'
  return isSomebodyThere ? 'presence' : undefined
}

function isNoted({ lastVeto, since: from }: Instance, veto: string): boolean {
  return lastVeto?.veto === veto && (from === undefined || Temporal.Instant.compare(lastVeto.at, from) >= 0)
}

/** Milliseconds from then to now. An instance that does not say since when counts as new: nothing is known of it. */
function since(then: Temporal.Instant | undefined, now: Temporal.Instant): number {
  return then === undefined ? 0 : now.epochMilliseconds - then.epochMilliseconds
}
