// The words and numbers that sleep leaves on a Deployment, and its replies.
import { note } from '#shared/cluster/note.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { reply, type Answer } from '#shared/events/receive.ts'
import { annotationKeys, deploymentOf, fieldManager, namespaceOf } from '#shared/instance/names.ts'
import type { Instance } from '#shared/instance/read.ts'
import { reasonOfSleep, whyAsleep, whyAwake, type LastVeto } from '#shared/instance/why.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { CronPlan } from './crons.ts'
import { awakeFor, isFalseWake, type Objection } from './decide.ts'
import type { IdleDetected } from './event.ts'
import type { Count } from './metrics.ts'

export interface TellDeps {
  readonly kubernetes: Kubernetes
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: Log
  readonly count: Count
}

/** The same veto is written down again only after a while: a scan comes every minute. */
const repeatAfterMs = 15 * 60_000

export interface Slept {
  readonly why: string
  /** Since the last activity; undefined when somebody else put it to sleep. */
  readonly idleMs?: number | undefined
  readonly crons: CronPlan
}

/** Throws when the API server does not take it: without the note nobody wakes it for its scheduled jobs. */
export async function noteAndSay(
  instance: Instance,
  { why: reason, crons, idleMs }: Slept,
  event: IdleDetected,
  deps: TellDeps,
  signal: AbortSignal,
): Promise<Answer> {
  const since = deps.now()
  const seconds = awakeSeconds(instance, since)
  const { totals } = instance
  const planned = crons.is === 'planned' ? crons : undefined
  const wakeFor = planned?.job.name
  const isFalse = idleMs !== undefined && isFalseWake(instance, seconds * 1000, idleMs)
  const why = whyAsleep({ since, why: reason, wakeAt: planned?.wakeAt, wakeFor })
  await annotate(
    instance,
    {
      [annotationKeys.why]: why,
      [annotationKeys.since]: written(since),
      [annotationKeys.awakeSeconds]: String(seconds),
      [annotationKeys.wakeAt]: planned === undefined ? null : written(planned.wakeAt),
      [annotationKeys.wakeFor]: wakeFor ?? null,
      [annotationKeys.sleepsAt]: null,
      [annotationKeys.wokenBy]: null,
      [annotationKeys.sleeps]: String(totals.sleeps + 1),
      [annotationKeys.awakeTotalSeconds]: String(totals.awakeSeconds + seconds),
      [annotationKeys.falseWakes]: String(totals.falseWakes + (isFalse ? 1 : 0)),
    },
    deps,
    signal,
  )
  deps.count('slept')
  await note(instance.name, { reason: 'Slept', action: 'Sleep', text: why }, { ...deps, as: 'sleep' }, signal)
  return slept({ ...instance, replicas: 0, why, awakeSeconds: seconds }, reason, event, deps)
}

/** Its own words are the mark: whoever finds it asleep without them finishes what another run began. */
function isSleepNoted({ why }: Instance): boolean {
  return why !== undefined && reasonOfSleep(why) !== undefined
}

/** Only words: it stays awake whether or not they can be written. */
export async function noteVeto(
  instance: Instance,
  objection: Objection,
  deps: TellDeps,
  signal: AbortSignal,
): Promise<void> {
  const now = deps.now()
  if (!isNews(instance, objection, now)) return
  const { veto, why: detail, forMs } = objection
  const last: LastVeto = { veto, detail: detail.slice(0, 500), at: now }
  const sleepsAt = forMs === undefined ? undefined : now.add({ milliseconds: Math.ceil(forMs) })
  const why = whyAwake({ ...instance, lastVeto: last, sleepsAt })
  const annotations = {
    [annotationKeys.why]: why,
    [annotationKeys.lastVeto]: JSON.stringify({ ...last, at: written(now) }),
    [annotationKeys.sleepsAt]: sleepsAt === undefined ? null : written(sleepsAt),
  }
  try {
    await annotate(instance, annotations, deps, signal)
  } catch (error) {
    deps.log.warn({ instance: instance.name, error: String(error) }, 'could not write what keeps it awake')
  }
  const type = veto === 'keep-awake-unreadable' || veto === 'tenant-unknown' ? 'Warning' : 'Normal'
  const said = { reason: 'SleepDeclined', action: 'Sleep', text: why, type } as const
  await note(instance.name, said, { ...deps, as: 'sleep' }, signal)
}

function isNews({ lastVeto, since }: Instance, { veto }: Objection, now: Temporal.Instant): boolean {
  if (lastVeto === undefined || lastVeto.veto !== veto) return true
  if (since !== undefined && Temporal.Instant.compare(lastVeto.at, since) < 0) return true
  return now.epochMilliseconds - lastVeto.at.epochMilliseconds >= repeatAfterMs
}

async function annotate(
  { name, uid }: Instance,
  annotations: Record<string, string | null>,
  { kubernetes }: TellDeps,
  signal: AbortSignal,
): Promise<void> {
  await kubernetes.patch(refOf(name), { metadata: { uid, annotations } }, { type: 'merge', fieldManager, signal })
}

export function declined({ veto, why }: Objection, event: IdleDetected, { source, count }: TellDeps): Answer {
  count(veto)
  const data = { name: event.data.name, veto, detail: why }
  return reply(
    makeEvent({ type: 'io.platxa.instance.sleep.declined.v1', source, cause: event, data }),
    `${veto}: ${why}`,
  )
}

export function slept(instance: Instance, why: string, event: IdleDetected, { source, now }: TellDeps): Answer {
  const data = { name: event.data.name, awakeSeconds: awakeSeconds(instance, now()), why }
  return reply(makeEvent({ type: 'io.platxa.instance.slept.v1', source, cause: event, data }), why)
}

/** As noted when it fell asleep, else counted until now. */
function awakeSeconds(instance: Instance, now: Temporal.Instant): number {
  if (instance.replicas === 0 && instance.awakeSeconds !== undefined && isSleepNoted(instance))
    return instance.awakeSeconds
  const awakeMs = awakeFor(instance, now)
  return Number.isFinite(awakeMs) ? Math.round(awakeMs / 1000) : 0
}

function written(at: Temporal.Instant): string {
  return at.toString({ smallestUnit: 'second' })
}

export function refOf(name: string): Ref {
  return { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
}
