import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { done, retry, type Answer } from '#shared/events/receive.ts'
import { readInstance, type Instance } from '#shared/instance/read.ts'
import { reasonOfSleep } from '#shared/instance/why.ts'
import { isConflict } from '#shared/k8s/errors.ts'
import {
  objectionOf,
  inWords,
  secondLook,
  type FirstDecision,
  type FirstSeen,
  type Objection,
  type Tenant,
} from './decide.ts'
import type { IdleDetected } from './event.ts'
import { liftEverywhere, newReplica, raiseEverywhere, type FenceDeps, type Raised } from './fences.ts'
import { scaleToZero } from './scale-down.ts'
import { hearTabs, type TabDeps } from './tabs.ts'
import { declined, noteAndSay, noteVeto, refOf, slept, type Slept, type TellDeps } from './tell.ts'

export interface Deps extends FenceDeps, TabDeps, TellDeps {
  /** What the instance does by itself (tenant.ts). */
  readonly look: (instance: Instance, signal: AbortSignal) => Promise<Tenant>
  /** For events that do not say what counts as idle. */
  readonly idleTimeoutMs: number
  readonly minimumAwakeMs: number
}

export async function observe(event: IdleDetected, deps: Deps, signal: AbortSignal): Promise<FirstSeen> {
  const deployment = await readNow(event.data.name, deps, signal)
  return {
    instance: deployment && readInstance(deployment),
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
      return decline(seen.instance, decision, event, deps, signal)
    case 'say it sleeps':
      // A crash right after the scale-down lost the reply; said again it is the same event.
      return finishSleep(decision.instance, event, deps, signal)
    case 'look closer': {
      // Asked before the fence too: a job that runs for an hour must not hold requests back once a minute.
      const objection = objectionOf(await deps.look(decision.instance, signal), deps.now())
      if (objection !== undefined) return decline(decision.instance, objection, event, deps, signal)
      await hearTabs(event.data, timeoutOf(event, deps), deps, signal)
      return sleepBehindTheFence(event, deps, signal)
    }
  }
}

/** What a sleep leaves behind, written by whoever finds it missing. */
async function finishSleep(instance: Instance, event: IdleDetected, deps: Deps, signal: AbortSignal): Promise<Answer> {
  const said = instance.why === undefined ? undefined : reasonOfSleep(instance.why)
  if (said !== undefined) return slept(instance, said, event, deps)
  const tenant = await deps.look(instance, signal)
  if (tenant.unknown !== undefined) return retry(`its scheduled jobs could not be read: ${tenant.unknown}`)
  const why = wordsFor(event.data.idleSeconds * 1000)
  return noteAndSay(instance, { why, crons: tenant.crons }, event, deps, signal)
}

const noteWithinMs = 30_000

async function sleepBehindTheFence(event: IdleDetected, deps: Deps, signal: AbortSignal): Promise<Answer> {
  const { name } = event.data
  const raisedAt = performance.now()
  const raised = await raiseEverywhere(name, deps, signal)
  let lift = true
  try {
    const looked = await lookAgain(raised, event, deps, signal)
    if ('answer' in looked) return looked.answer
    // From half its life on, the fence might be gone before the API server has answered.
    const leftMs = Math.floor(deps.fenceTtlMs / 2 - (performance.now() - raisedAt))
    if (leftMs <= 0) return retry('the look behind the fence took too long')
    // A broker hangs up on us when its own caller did, and then the event may never come again: what is begun now is finished.
    signal.throwIfAborted()
    // From here on the replicas lift it themselves, when they see the Deployment at 0: lifted now, a request could still
    // reach the pod that ends. Where the answer is lost nobody knows, and the fence expires.
    lift = false
    await scaleToZero(name, looked.deployment, deps.kubernetes, AbortSignal.timeout(leftMs))
    return await noteAndSay(looked.instance, looked, event, deps, AbortSignal.timeout(noteWithinMs))
  } catch (error) {
    if (!isConflict(error)) throw error
    lift = true
    const why = 'the Deployment changed while it was looked at'
    return declined({ veto: 'changed-meanwhile', why }, event, deps)
  } finally {
    if (lift) await liftEverywhere(name, raised, deps)
  }
}

type Looked = ({ readonly instance: Instance; readonly deployment: Deployment } & Slept) | { readonly answer: Answer }

async function lookAgain(
  raised: readonly Raised[],
  event: IdleDetected,
  deps: Deps,
  signal: AbortSignal,
): Promise<Looked> {
  const { name, deploymentUid } = event.data
  const deployment = await readNow(name, deps, signal)
  const instance = deployment && readInstance(deployment)
  if (deployment === undefined || instance?.uid !== deploymentUid)
    return { answer: done('the instance went away meanwhile') }
  const no = async (objection: Objection): Promise<Looked> => ({
    answer: await decline(instance, objection, event, deps, signal),
  })
  const decision = secondLook({ reports: raised, timeoutMs: timeoutOf(event, deps) })
  if (decision.do === 'decline') return no(decision)
  const [tenant, newcomer] = await Promise.all([deps.look(instance, signal), newReplica(raised, deps, signal)])
  const objection = objectionOf(tenant, deps.now())
  if (objection !== undefined) return no(objection)
  if (newcomer !== undefined) {
    return no({ veto: 'replica-young', why: `wake replica ${newcomer} has just started` })
  }
  const crons = tenant.unknown === undefined ? tenant.crons : { is: 'none' as const }
  return { instance, deployment, crons, idleMs: decision.idleMs, why: wordsFor(decision.idleMs) }
}

function wordsFor(idleMs: number): string {
  return `nobody used it for ${inWords(idleMs)}`
}

async function decline(
  instance: Instance | undefined,
  objection: Objection,
  event: IdleDetected,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  if (instance !== undefined) await noteVeto(instance, objection, deps, signal)
  return declined(objection, event, deps)
}

function timeoutOf({ data }: IdleDetected, { idleTimeoutMs }: Deps): number {
  return data.timeoutSeconds === undefined ? idleTimeoutMs : data.timeoutSeconds * 1000
}

function readNow(name: string, { kubernetes }: Deps, signal: AbortSignal): Promise<Deployment | undefined> {
  return kubernetes.get<Deployment>(refOf(name), { signal })
}
