// What wake reads and writes in the cluster: the one PATCH, and afterwards the words that explain it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventData } from '#shared/events/catalogue.ts'
import { makeEvent } from '#shared/events/emit.ts'
import type { Publisher } from '#shared/events/publish.ts'
import { annotationKeys, deploymentOf, fieldManager, namespaceOf } from '#shared/instance/names.ts'
import { whyAwake, type WokenBy } from '#shared/instance/why.ts'
import { isNotFound, isUnavailable, KubernetesError } from '#shared/k8s/errors.ts'
import { recordEvent } from '#shared/k8s/event.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { withSpan } from '#shared/server/telemetry.ts'
import { withWake, type Facts } from './instance/entry.ts'
import type { Waking, Wish } from './instance/life.ts'
import type { Marks, Trouble } from './instance/world.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  /** Undefined where no broker is named: then nobody is told by event. */
  readonly publisher: Publisher | undefined
  readonly log: Log
  /** Milliseconds on a clock that never jumps: for durations only. */
  readonly now: () => number
  readonly source: string
  /** Name of this replica's pod. */
  readonly replica: string
  /** IDLE_TIMEOUT: for the words alone, since when it may sleep. */
  readonly idleTimeoutMs: number
}

const firstRetryMs = 100
const longestRetryMs = 5_000
/** A broker answers only after its slowest subscriber (design.md §8.9). */
const tellWithinMs = 5 * 60_000

/**
 * Null when the Deployment has its replica; tried again for as long as the signal lets it and it is still wanted. A PATCH whose answer was
 * lost has often been carried out: repeated late, it would wake an instance that has been put to sleep since.
 */
export async function scaleUp(
  facts: Facts,
  deps: Deps,
  signal: AbortSignal,
  isWanted: () => boolean,
): Promise<Trouble | null> {
  for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
    try {
      const attributes = { 'platxa.instance': facts.name }
      await withSpan('wake: scale to 1', attributes, undefined, () =>
        deps.kubernetes.scale(refOf(facts), 1, { uid: facts.uid, signal }),
      )
      return null
    } catch (error) {
      if (!isUnavailable(error) || signal.aborted) return troubleOf(error, signal)
      deps.log.warn({ instance: facts.name, error: String(error), waitMs }, 'the API server did not take the wake')
    }
    await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    if (!isWanted()) return null
  }
}

function troubleOf(error: unknown, signal: AbortSignal): Trouble {
  const detail = error instanceof Error ? error.message : String(error)
  const isAnswer = error instanceof KubernetesError && !isUnavailable(error) && !isNotFound(error)
  return { code: isAnswer && !signal.aborted ? 'refused' : 'api-server', detail, final: true }
}

export interface Woken {
  readonly waking: Waking
  readonly pod: string
  readonly at: number
}

/** Three ways to hear of it; none of them may hold up or undo the wake. */
export async function tellWoken(facts: Facts, woken: Woken, deps: Deps, signal: AbortSignal): Promise<void> {
  const { at, pod } = woken
  const { since, wish, marks } = woken.waking
  if (wish === null) return
  const limited = AbortSignal.any([signal, AbortSignal.timeout(tellWithinMs)])
  const by = wokenByOf(wish)
  const began = wholeSecond(Date.now() - (deps.now() - since))
  const sleepsAt = began.add({ milliseconds: deps.idleTimeoutMs })
  const why = whyAwake({ since: began, wokenBy: by, lastVeto: facts.lastVeto ?? undefined, sleepsAt })
  const annotations = {
    [annotationKeys.why]: why,
    [annotationKeys.since]: began.toString(),
    [annotationKeys.wokenBy]: JSON.stringify(by),
    [annotationKeys.sleepsAt]: sleepsAt.toString(),
    [annotationKeys.recentWakes]: withWake(facts, at - since),
    // Two replicas that woke it together count it once: both add to what they knew before.
    [annotationKeys.wakes]: String((facts.totals?.wakes ?? 0) + 1),
    [annotationKeys.wakeAt]: null,
    [annotationKeys.wakeFor]: null,
  }
  const event = makeEvent({
    type: 'io.platxa.instance.woken.v1',
    source: deps.source,
    // Two replicas that woke it together tell the same event.
    id: `${facts.uid}:woken:${pod}`,
    data: { name: facts.name, trigger: wish.trigger, milliseconds: millisecondsOf(marks, since, at) },
  })
  await Promise.all([
    attempt('annotate', facts, deps, () => annotate(facts, annotations, deps, limited)),
    attempt('record', facts, deps, () => record(facts, 'Woken', 'Wake', why, deps, limited)),
    attempt('publish', facts, deps, async () => deps.publisher?.publish(event, { signal: limited })),
  ])
}

export async function tellFailed(
  facts: Facts,
  wish: Wish,
  trouble: Trouble,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(tellWithinMs)])
  const why = `Could not be woken (${wish.why}): ${trouble.code}: ${trouble.detail}`
  const event = makeEvent({
    type: 'io.platxa.instance.wake.failed.v1',
    source: deps.source,
    id: `${facts.uid}:wake-failed:${trouble.code}:${Math.round(deps.now() / 1000)}`,
    data: { name: facts.name, trigger: wish.trigger, reason: trouble.code, detail: why.slice(0, 2000) },
  })
  await Promise.all([
    attempt('annotate', facts, deps, () =>
      annotate(facts, { [annotationKeys.why]: why.slice(0, 1000) }, deps, limited),
    ),
    attempt('record', facts, deps, () => record(facts, 'WakeFailed', 'Wake', why, deps, limited)),
    attempt('publish', facts, deps, async () => deps.publisher?.publish(event, { signal: limited })),
  ])
}

/** Only class A wakes, and only a request has a class. */
function wokenByOf({ trigger, path, client }: Wish): WokenBy {
  return { trigger, class: path === undefined ? undefined : 'A', path, client }
}

function annotate(
  facts: Facts,
  annotations: Record<string, string | null>,
  { kubernetes }: Deps,
  signal: AbortSignal,
): Promise<unknown> {
  const patch = { metadata: { uid: facts.uid, annotations } }
  return kubernetes.patch(refOf(facts), patch, { type: 'merge', fieldManager, signal })
}

function record(
  facts: Facts,
  reason: string,
  action: string,
  text: string,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const note = {
    regarding: { ...refOf(facts), uid: facts.uid },
    reason,
    action,
    note: text,
    type: reason === 'Woken' ? ('Normal' as const) : ('Warning' as const),
    reportingController: 'platxa.io/wake',
    reportingInstance: deps.replica,
    at: Temporal.Now.instant(),
  }
  return recordEvent(deps.kubernetes, note, signal)
}

async function attempt(what: string, facts: Facts, { log }: Deps, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    log.warn({ instance: facts.name, what, error: String(error) }, 'could not tell of a wake')
  }
}

/** Each counted from the moment the wake began. `started` is when the container ran, `pulled` when it could be made. */
function millisecondsOf(marks: Marks, since: number, at: number): Milliseconds {
  const after = (mark: number | undefined): number | undefined =>
    mark === undefined ? undefined : Math.max(0, Math.round(mark - since))
  return {
    total: Math.round(at - since),
    scheduled: after(marks.scheduled ?? marks.pulling ?? marks.starting),
    pulled: after(marks.starting ?? marks.database),
    started: after(marks.database ?? marks.ready),
    ready: after(marks.ready),
  }
}

type Milliseconds = EventData<'io.platxa.instance.woken.v1'>['milliseconds']

function wholeSecond(ms: number): Temporal.Instant {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(ms / 1000) * 1000)
}

function refOf({ name }: Facts): Ref {
  return { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
}
