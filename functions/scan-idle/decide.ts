// Who has been idle for long enough? Only what every wake replica agrees on: one that does not answer, or that started
// later than the window, may have missed a request of which nobody else can tell.
import type { EventData } from '#shared/events/catalogue.ts'
import { instanceOfNamespace } from '#shared/instance/names.ts'
import type { Instance } from '#shared/instance/read.ts'
import type { Activity } from '#shared/wake/contract.ts'
import type { Cause } from './event.ts'

/** Which instances to look at, and how long without activity counts as idle. */
export interface Scope {
  readonly names: readonly string[] | 'all'
  readonly timeoutMs: number
}

export interface Seen {
  /** Every instance in scope that has a replica. */
  readonly awake: readonly Instance[]
  /** What each wake replica answered; undefined for one that did not. */
  readonly answers: readonly (Activity | undefined)[]
  readonly now: Temporal.Instant
  readonly timeoutMs: number
  readonly minimumAwakeMs: number
}

export type IdleData = EventData<'io.platxa.instance.idle.detected.v1'>

export interface Decision {
  readonly idle: readonly IdleData[]
  readonly busy: number
  /** Why nothing could be said of anybody. */
  readonly unknown?: Unknown
}

/** Why a scan cannot say of anybody whether he is idle; the word is for machines. */
export const unknowns = {
  'no-replica': 'there is no wake replica',
  'replica-silent': 'a wake replica did not answer',
  'replica-young': 'a wake replica has not watched for long enough',
} as const
export type Unknown = keyof typeof unknowns

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

export function decide({ awake, answers, now, timeoutMs, minimumAwakeMs }: Seen): Decision {
  const nobody = { idle: [], busy: 0 }
  // Then the replicas were not even asked.
  if (awake.length === 0) return nobody
  if (answers.length === 0) return { ...nobody, unknown: 'no-replica' }
  const heard = answers.filter((answer) => answer !== undefined)
  if (heard.length < answers.length) return { ...nobody, unknown: 'replica-silent' }
  const youngestMs = Math.min(...heard.map(({ upForMs }) => upForMs))
  if (youngestMs < timeoutMs) return { ...nobody, unknown: 'replica-young' }
  const idle = awake.flatMap((instance) => {
    const found = idleOf(instance, heard, { now, timeoutMs, minimumAwakeMs })
    return found === undefined ? [] : [found]
  })
  return { idle, busy: awake.length - idle.length }
}

type Limits = Pick<Seen, 'now' | 'timeoutMs' | 'minimumAwakeMs'>

function idleOf(
  instance: Instance,
  heard: readonly Activity[],
  { now, timeoutMs, minimumAwakeMs }: Limits,
): IdleData | undefined {
  const awakeMs = since(instance.since ?? instance.createdAt, now)
  const keptMs = instance.keepAwakeUntil === undefined ? 0 : -since(instance.keepAwakeUntil, now)
  if (keptMs > 0 || awakeMs < Math.min(minimumAwakeMs, timeoutMs)) return undefined
  let idleMs = awakeMs
  let humanIdleMs = Infinity
  const evidence = { replicas: heard.length, inFlight: 0, sockets: 0 }
  for (const { upForMs, instances } of heard) {
    const saw = instances[instance.name]
    idleMs = Math.min(idleMs, saw?.idleMs ?? upForMs)
    humanIdleMs = Math.min(humanIdleMs, saw?.humanIdleMs ?? Infinity)
    evidence.inFlight += saw?.inFlight ?? 0
    evidence.sockets += saw?.sockets ?? 0
  }
  if (evidence.inFlight > 0 || idleMs < timeoutMs || humanIdleMs < timeoutMs) return undefined
  return {
    name: instance.name,
    lastActivityAt: now.subtract({ milliseconds: Math.round(idleMs) }).toString({ smallestUnit: 'second' }),
    idleSeconds: Math.floor(idleMs / 1000),
    deploymentUid: instance.uid,
    timeoutSeconds: Math.round(timeoutMs / 1000),
    evidence: {
      ...evidence,
      humanIdleSeconds: Number.isFinite(humanIdleMs) ? Math.floor(humanIdleMs / 1000) : null,
      awakeSeconds: Math.floor(awakeMs / 1000),
    },
  }
}

/** Milliseconds from then to now. An instance that does not say since when counts as new: nothing is known of it. */
function since(then: Temporal.Instant | undefined, now: Temporal.Instant): number {
  return then === undefined ? 0 : now.epochMilliseconds - then.epochMilliseconds
}
