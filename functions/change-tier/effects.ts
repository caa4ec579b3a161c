import type { Pod } from 'kubernetes-types/core/v1.js'
import { applyAll } from '#shared/cluster/apply.ts'
import { desiredOf } from '#shared/cluster/desired.ts'
import { note } from '#shared/cluster/note.ts'
import { readDeployed, readKnown } from '#shared/cluster/read.ts'
import { deploymentRef } from '#shared/cluster/refs.ts'
import { remember } from '#shared/cluster/remember.ts'
import type { EventData, Tier } from '#shared/events/catalogue.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { done, refuse, reply, retry, type Answer } from '#shared/events/receive.ts'
import type { SeenNamespace } from '#shared/instance/known.ts'
import { databaseOf, fieldManager, labelKeys } from '#shared/instance/names.ts'
import type { Platform } from '#shared/instance/platform.ts'
import { advanceTier, appliedAfter, beginTier, settleTier } from '#shared/instance/revision.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import { tiers } from '#shared/instance/tiers.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import { setConnectionLimit } from '#shared/postgres/limits.ts'
import type { Log } from '#shared/server/log.ts'
import { howTo, identityOf, type Decision, type Seen, type Wish } from './decide.ts'
import type { TierEvent } from './event.ts'
import { inOrder, isLarger } from './order.ts'
import { memoryOf, resize, runningPod } from './resize.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  readonly admin: Admin
  readonly platform: Platform
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: Log
  /** How long the kubelet may take to say what became of a resize. */
  readonly resizeWithinMs: number
}

export async function observe(event: TierEvent, deps: Deps, signal: AbortSignal): Promise<Seen> {
  const { kubernetes, platform } = deps
  return { event, known: await readKnown(kubernetes, event.data.name, platform.functionsNamespace, signal) }
}

export async function act(decision: Decision, event: TierEvent, deps: Deps, signal: AbortSignal): Promise<Answer> {
  switch (decision.do) {
    case 'nothing':
      return done(decision.why)
    case 'wait':
      return retry(decision.why)
    case 'refuse':
      return refuse(422, decision.why)
    case 'say it is so':
      return applied({ ...decision.what, restarted: false }, event, deps)
    case 'pursue':
      return pursue(decision, event, deps, signal)
  }
}

type Pursuit = Extract<Decision, { readonly do: 'pursue' }>

async function pursue(pursuit: Pursuit, event: TierEvent, deps: Deps, signal: AbortSignal): Promise<Answer> {
  const { kubernetes, platform } = deps
  const { wish, spec, standing } = pursuit
  const tier = beginTier(spec).tier
  // Written down before the look: whoever puts the instance to sleep after it sends us an event that finds the wish.
  const written = await remember(kubernetes, standing, spec, standing.applied, signal)
  const [instance, pod] = await Promise.all([
    readDeployed(kubernetes, spec.name, signal),
    runningPod(kubernetes, spec.name, signal),
  ])
  const restarting = spec.pendingTier?.is === 'restarting'
  const how = howTo(tier, wish, { restarting, instance, memoryBytes: pod && memoryOf(pod) }, platform.workersPolicy)
  if (how === 'wait for its sleep') return done(`it is awake: tier ${tier} waits for its sleep`)
  const way: Way = { ...pursuit, written, from: instance?.tier ?? standing.spec.tier, by: settledBy(wish, event) }
  const refused = how === 'in place' && pod ? await followInPlace(way, pod, deps, signal) : undefined
  const restarted = how === 'by a restart' || refused !== undefined
  if (how !== 'in place' || restarted) await follow(way, restarted, deps, signal)
  if (wish.told) return done(`tier ${tier} is in its Deployment too`)
  const why = refused === undefined ? '' : `, because in place it could not: ${refused}`
  const text = `Revision ${wish.revision} is applied: tier ${tier}, ${restarted ? 'by a restart' : how}${why}`
  await note(spec.name, { reason: 'TierChanged', action: 'ChangeTier', text }, { ...deps, as: 'change-tier' }, signal)
  return applied({ revision: wish.revision, tier, restarted }, event, deps)
}

interface Way extends Pursuit {
  readonly written: SeenNamespace
  /** The tier that the Deployment is of. */
  readonly from: Tier
  readonly by: string | undefined
}

/** A tier that is told by its own event needs no memory of another. */
function settledBy({ told }: Wish, event: TierEvent): string | undefined {
  return event.type === 'io.platxa.instance.tier.changed.v1' || told ? undefined : identityOf(event)
}

/** Everything becomes of the new tier. An awake instance restarts by it, one that sleeps notices at its next wake. */
async function follow(
  { wish, spec, standing, written, from, by }: Way,
  restarts: boolean,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const { kubernetes, platform } = deps
  const begun = restarts ? advanceTier(spec, 'restarting') : beginTier(spec)
  const namespace = await remember(kubernetes, written, begun, standing.applied, signal)
  const { objects, today } = await desiredOf(kubernetes, begun, platform, signal)
  const shrinks = isLarger(from, begun.tier)
  if (!shrinks) await limitConnections(begun, deps, signal)
  await applyAll(kubernetes, inOrder(objects, begun.tier, from), today, signal)
  if (shrinks) await limitConnections(begun, deps, signal)
  await remember(kubernetes, namespace, settleTier(spec, by), appliedAfter(standing.applied, wish.revision), signal)
}

/** All but the Deployment, because a change of its template would restart the pod: that waits for the next sleep. */
async function followInPlace(
  { wish, spec, standing, written, from }: Way,
  pod: Pod,
  deps: Deps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { kubernetes, platform, resizeWithinMs } = deps
  const begun = beginTier(spec)
  const { objects, today } = await desiredOf(kubernetes, begun, platform, signal)
  const others = objects.filter(({ kind }) => kind !== 'Deployment')
  await limitConnections(begun, deps, signal)
  await applyAll(kubernetes, inOrder(others, begun.tier, from), today, signal)
  const resized = await resize(kubernetes, pod, begun, resizeWithinMs, signal)
  if (resized.is === 'refused') return resized.why
  const label = { metadata: { labels: { [labelKeys.resourceTier]: begun.tier } } }
  await kubernetes.patch(deploymentRef(spec.name), label, { type: 'merge', fieldManager, signal })
  const resting = advanceTier(spec, 'resized')
  await remember(kubernetes, written, resting, appliedAfter(standing.applied, wish.revision), signal)
  return undefined
}

async function limitConnections({ name, tier }: InstanceSpec, { admin }: Deps, signal: AbortSignal): Promise<void> {
  const { connectionLimit } = tiers[tier]
  await setConnectionLimit({ admin, database: databaseOf(name), role: databaseOf(name), connectionLimit, signal })
}

type Applied = Omit<EventData<'io.platxa.instance.tier.applied.v1'>, 'name'>

function applied(what: Applied, event: TierEvent, { source }: Deps): Answer {
  const data = { name: event.data.name, ...what }
  return reply(makeEvent({ type: 'io.platxa.instance.tier.applied.v1', source, cause: event, data }))
}
