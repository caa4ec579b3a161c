import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { note } from '#shared/cluster/note.ts'
import { done, reply, retry, type Answer } from '#shared/events/receive.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { annotationKeys, deploymentOf, fieldManager, namespaceOf } from '#shared/instance/names.ts'
import { readInstance, type Instance } from '#shared/instance/read.ts'
import { isConflict } from '#shared/k8s/errors.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { liftFence, raiseFence, wakeReplicas, type Replica, type ReplicaSettings } from '#shared/wake/replicas.ts'
import { awakeFor, inWords, secondLook, type FirstDecision, type FirstSeen, type Report, type Veto } from './decide.ts'
import type { IdleDetected } from './event.ts'
import type { Count } from './metrics.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: Log
  readonly count: Count
  /** For events that do not say what counts as idle. */
  readonly idleTimeoutMs: number
  readonly minimumAwakeMs: number
  readonly replicas: ReplicaSettings
  /** How long a fence stands when nobody lifts it. */
  readonly fenceTtlMs: number
}

/** Begins the sentence of every sleeper; who wakes it writes another. */
const ASLEEP = 'Asleep: '

/** A fence that stands, and what the replica said when it raised it. */
interface Raised extends Report {
  readonly at: Replica
  readonly fence?: string | undefined
}

export async function observe(event: IdleDetected, deps: Deps, signal: AbortSignal): Promise<FirstSeen> {
  return {
    instance: await readNow(event.data.name, deps, signal),
    deploymentUid: event.data.deploymentUid,
    now: deps.now(),
    timeoutMs: timeoutOf(event, deps),
    minimumAwakeMs: deps.minimumAwakeMs,
  }
}

export async function act(
  decision: FirstDecision,
  seen: FirstSeen,
  event: IdleDetected,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  switch (decision.do) {
    case 'nothing':
      return done(decision.why)
    case 'decline':
      return declined(decision.veto, decision.why, event, deps)
    case 'say it sleeps':
      return sayAgain(seen.instance, event, deps, signal)
    case 'look behind the fence':
      return sleepBehindTheFence(event, deps, signal)
  }
}

/** A crash right after the scale-down lost the reply, and maybe the words on the Deployment: said again they are the same. */
async function sayAgain(
  instance: Instance | undefined,
  event: IdleDetected,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  const said = instance?.why?.startsWith(ASLEEP) === true ? instance.why.slice(ASLEEP.length) : undefined
  if (instance === undefined || said !== undefined) return slept(instance, said ?? 'it is gone', event, deps)
  // What the Deployment says is of its last wake, and its count of seconds of the sleep before that.
  return saySo({ ...instance, awakeSeconds: undefined }, wordsFor(event.data.idleSeconds * 1000), event, deps, signal)
}

async function sleepBehindTheFence(event: IdleDetected, deps: Deps, signal: AbortSignal): Promise<Answer> {
  const { name } = event.data
  const raisedAt = performance.now()
  const raised = await raiseEverywhere(name, deps, signal)
  let lift = true
  try {
    const idle = await lookAgain(raised, event, deps, signal)
    if ('answer' in idle) return idle.answer
    // From half its life on, the fence might be gone before the API server has answered.
    const leftMs = Math.floor(deps.fenceTtlMs / 2 - (performance.now() - raisedAt))
    if (leftMs <= 0) return retry('the look behind the fence took too long')
    // From here on the replicas lift it themselves, when they see the Deployment at 0: lifted now, a request could still
    // reach the pod that ends. Where the answer is lost nobody knows, and the fence expires.
    lift = false
    await scaleToZero(idle.instance, AbortSignal.any([signal, AbortSignal.timeout(leftMs)]), deps)
    deps.count('slept')
    return await saySo(idle.instance, idle.why, event, deps, signal)
  } catch (error) {
    if (!isConflict(error)) throw error
    lift = true
    return declined('changed-meanwhile', 'the Deployment changed while it was looked at', event, deps)
  } finally {
    if (lift) await liftEverywhere(name, raised, deps)
  }
}

async function lookAgain(
  raised: readonly Raised[],
  event: IdleDetected,
  deps: Deps,
  signal: AbortSignal,
): Promise<{ readonly instance: Instance; readonly why: string } | { readonly answer: Answer }> {
  const { name, deploymentUid } = event.data
  const decision = secondLook({ reports: raised, timeoutMs: timeoutOf(event, deps) })
  if (decision.do === 'decline') return { answer: declined(decision.veto, decision.why, event, deps) }
  const newcomer = await newReplica(raised, deps, signal)
  if (newcomer !== undefined) {
    return { answer: declined('replica-young', `wake replica ${newcomer} has just started`, event, deps) }
  }
  const instance = await readNow(name, deps, signal)
  if (instance?.uid !== deploymentUid) return { answer: done('the instance went away meanwhile') }
  return { instance, why: wordsFor(decision.idleMs) }
}

function wordsFor(idleMs: number): string {
  return `nobody used it for ${inWords(idleMs)}`
}

function timeoutOf({ data }: IdleDetected, { idleTimeoutMs }: Deps): number {
  return data.timeoutSeconds === undefined ? idleTimeoutMs : data.timeoutSeconds * 1000
}

async function readNow(name: string, { kubernetes }: Deps, signal: AbortSignal): Promise<Instance | undefined> {
  const deployment = await kubernetes.get<Deployment>(refOf(name), { signal })
  return deployment === undefined ? undefined : readInstance(deployment)
}

async function raiseEverywhere(name: string, deps: Deps, signal: AbortSignal): Promise<readonly Raised[]> {
  const replicas = await wakeReplicas(deps.kubernetes, deps.replicas, signal)
  return Promise.all(
    replicas.map(async (at): Promise<Raised> => {
      try {
        const answer = await raiseFence(at, name, deps.fenceTtlMs, deps.replicas, signal)
        return { at, replica: at.name, answer, fence: answer.fence }
      } catch (error) {
        deps.log.warn({ instance: name, replica: at.name, error: String(error) }, 'fence not raised')
        return { at, replica: at.name }
      }
    }),
  )
}

/** A replica that came while the others were asked holds nothing back. */
async function newReplica(raised: readonly Raised[], deps: Deps, signal: AbortSignal): Promise<string | undefined> {
  const known = new Set(raised.map(({ at }) => at.control))
  const now = await wakeReplicas(deps.kubernetes, deps.replicas, signal)
  return now.find(({ control }) => !known.has(control))?.name
}

async function scaleToZero(instance: Instance, signal: AbortSignal, { kubernetes }: Deps): Promise<void> {
  const { uid, resourceVersion } = instance
  await kubernetes.scale(refOf(instance.name), 0, { uid, resourceVersion, signal })
}

/** On the Deployment, which sleeps whether or not that can be written, and as the answer. */
async function saySo(
  instance: Instance,
  why: string,
  event: IdleDetected,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  const { kubernetes, now, log } = deps
  const at = now()
  const seconds = awakeSeconds(instance, at)
  const annotations = {
    [annotationKeys.why]: ASLEEP + why,
    [annotationKeys.since]: at.toString({ smallestUnit: 'second' }),
    [annotationKeys.awakeSeconds]: String(seconds),
  }
  const patch = { metadata: { uid: instance.uid, annotations } }
  try {
    await kubernetes.patch(refOf(instance.name), patch, { type: 'merge', fieldManager, signal })
  } catch (error) {
    log.warn({ instance: instance.name, error: String(error) }, 'could not write why it sleeps')
  }
  await note(instance.name, { reason: 'Slept', action: 'Sleep', text: why }, { ...deps, as: 'sleep' }, signal)
  return slept({ ...instance, replicas: 0, awakeSeconds: seconds }, why, event, deps)
}

/** Asked of the replicas even when our own caller has gone: a fence must not stand longer than it has to. */
async function liftEverywhere(
  name: string,
  raised: readonly Raised[],
  { replicas, fenceTtlMs, log }: Deps,
): Promise<void> {
  const signal = AbortSignal.timeout(fenceTtlMs)
  await Promise.all(
    raised.map(async ({ at, fence }) => {
      if (fence === undefined) return
      try {
        await liftFence(at, name, fence, replicas, signal)
      } catch (error) {
        log.warn({ instance: name, replica: at.name, error: String(error) }, 'fence not lifted, it will expire')
      }
    }),
  )
}

function declined(veto: Veto, detail: string, event: IdleDetected, { source, count }: Deps): Answer {
  count(veto)
  const data = { name: event.data.name, veto, detail }
  return reply(
    makeEvent({ type: 'io.platxa.instance.sleep.declined.v1', source, cause: event, data }),
    `${veto}: ${detail}`,
  )
}

function slept(instance: Instance | undefined, why: string, event: IdleDetected, { source, now }: Deps): Answer {
  const seconds = instance === undefined ? 0 : awakeSeconds(instance, now())
  const data = { name: event.data.name, awakeSeconds: seconds, why }
  return reply(makeEvent({ type: 'io.platxa.instance.slept.v1', source, cause: event, data }), why)
}

/** As noted when it fell asleep, else counted until now. */
function awakeSeconds(instance: Instance, now: Temporal.Instant): number {
  if (instance.replicas === 0 && instance.awakeSeconds !== undefined) return instance.awakeSeconds
  const awakeMs = awakeFor(instance, now)
  return Number.isFinite(awakeMs) ? Math.round(awakeMs / 1000) : 0
}

function refOf(name: string): Ref {
  return { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
}
