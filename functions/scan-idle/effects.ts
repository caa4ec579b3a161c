import { createHash } from 'node:crypto'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { makeEvent } from '#shared/events/emit.ts'
import { done, retry, type Answer } from '#shared/events/receive.ts'
import type { Publisher } from '#shared/events/publish.ts'
import { readInstance, type Instance } from '#shared/instance/read.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { Activity } from '#shared/wake/contract.ts'
import { askActivity, wakeReplicas, type ReplicaSettings } from '#shared/wake/replicas.ts'
import { scopeOf, unknowns, type Decision, type IdleData, type Scope, type Seen } from './decide.ts'
import type { Cause } from './event.ts'
import type { Count } from './metrics.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  readonly publisher: Publisher
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: Log
  readonly count: Count
  readonly idleTimeoutMs: number
  readonly minimumAwakeMs: number
  /** Selects the Deployments of instances, such as `app=odoo`. */
  readonly deploymentLabel: string
  readonly replicas: ReplicaSettings
}

export async function observe(cause: Cause, deps: Deps, signal: AbortSignal): Promise<Seen> {
  const scope = scopeOf(cause, deps.idleTimeoutMs)
  // The replicas are asked last: what they say must not be older than the list.
  const awake = await awakeInstances(scope, deps, signal)
  const answers = awake.length === 0 ? [] : await askEverybody(deps, signal)
  const { minimumAwakeMs, now } = deps
  return { awake, answers, now: now(), timeoutMs: scope.timeoutMs, minimumAwakeMs }
}

export async function act(decision: Decision, cause: Cause, deps: Deps, signal: AbortSignal): Promise<Answer> {
  const { idle, busy, unknown } = decision
  deps.count(decision)
  if (unknown !== undefined) return done(`nobody counts as idle: ${unknowns[unknown]}`)
  const published = await Promise.allSettled(idle.map((data) => publishIdle(data, cause, deps, signal)))
  const lost = published.filter(({ status }) => status === 'rejected').length
  // The ids are the same the second time, and sleep looks for itself: to publish twice changes nothing.
  if (lost > 0) return retry(`${lost} of ${idle.length} events could not be published`)
  return done(`${idle.length} idle, ${busy} busy`)
}

async function awakeInstances(scope: Scope, deps: Deps, signal: AbortSignal): Promise<readonly Instance[]> {
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
  const awake: Instance[] = []
  for await (const deployment of deps.kubernetes.list<Deployment>(kind, {
    labelSelector: deps.deploymentLabel,
    signal,
  })) {
    const instance = readInstance(deployment)
    if (instance === undefined || instance.deleting || instance.replicas === 0) continue
    if (scope.names === 'all' || scope.names.includes(instance.name)) awake.push(instance)
  }
  return awake
}

async function askEverybody(deps: Deps, signal: AbortSignal): Promise<readonly (Activity | undefined)[]> {
  const replicas = await wakeReplicas(deps.kubernetes, deps.replicas, signal)
  return Promise.all(
    replicas.map(async (replica) => {
      try {
        return await askActivity(replica, deps.replicas, signal)
      } catch (error) {
        signal.throwIfAborted()
        deps.log.warn({ replica: replica.name, error: String(error) }, 'a wake replica did not say what it saw')
        return undefined
      }
    }),
  )
}

async function publishIdle(data: IdleData, cause: Cause, deps: Deps, signal: AbortSignal): Promise<void> {
  const { publisher, source } = deps
  // One idle time of one Deployment is one fact, however many scans find it.
  const fact = `${data.deploymentUid}:${cause.type === 'dev.knative.sources.ping' ? '' : cause.id}:${data.lastActivityAt}`
  const id = createHash('sha256').update(fact).digest('hex').slice(0, 32)
  const event = makeEvent({ type: 'io.platxa.instance.idle.detected.v1', source, cause, id, data })
  await publisher.publish(event, { signal })
}
