import { createHash } from 'node:crypto'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { makeEvent } from '#shared/events/emit.ts'
import { done, retry, type Answer } from '#shared/events/receive.ts'
import type { Publisher } from '#shared/events/publish.ts'
import { annotationKeys } from '#shared/instance/names.ts'
import { readInstance, type Instance } from '#shared/instance/read.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import type { Activity } from '#shared/wake/contract.ts'
import { askActivity, wakeReplicas, type ReplicaSettings } from '#shared/wake/replicas.ts'
import { scopeOf, unknowns, type Decision, type Due, type IdleData, type Scope, type Seen } from './decide.ts'
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
  readonly cronAwakeMs: number
  /** Selects the Deployments of instances, such as `app=odoo`. */
  readonly deploymentLabel: string
  readonly replicas: ReplicaSettings
}

export async function observe(cause: Cause, deps: Deps, signal: AbortSignal): Promise<Seen> {
  const scope = scopeOf(cause, deps.idleTimeoutMs)
  // The replicas are asked last: what they say must not be older than the list.
  const { awake, sleepers } = await listInstances(scope, deps, signal)
  const answers = awake.length === 0 ? [] : await askEverybody(deps, signal)
  const { minimumAwakeMs, cronAwakeMs, now } = deps
  return { awake, sleepers, answers, now: now(), timeoutMs: scope.timeoutMs, minimumAwakeMs, cronAwakeMs }
}

export async function act(decision: Decision, cause: Cause, deps: Deps, signal: AbortSignal): Promise<Answer> {
  const { idle, busy, due, unknown } = decision
  const events = [
    ...due.map((one) => () => publishDue(one, cause, deps, signal)),
    ...idle.map((data) => () => publishIdle(data, cause, deps, signal)),
  ]
  const lost = await failuresOf(events)
  deps.count(decision)
  // The ids are the same the second time, and sleep looks for itself: to publish twice changes nothing.
  if (lost > 0) return retry(`${lost} of ${events.length} events could not be published`)
  const woken = due.length === 0 ? '' : `, ${due.length} due for a scheduled job`
  return done(
    unknown === undefined
      ? `${idle.length} idle, ${busy} busy${woken}`
      : `nobody counts as idle: ${unknowns[unknown]}${woken}`,
  )
}

/** The broker answers each event when everybody is done with it: a few at a time, or all of them would wait for the last. */
const atOnce = 50

async function failuresOf(calls: readonly (() => Promise<void>)[]): Promise<number> {
  let failures = 0
  const queue = calls.values()
  const worker = async (): Promise<void> => {
    for (const call of queue) await call().catch(() => (failures += 1))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return failures
}

interface Listed {
  readonly awake: readonly Instance[]
  readonly sleepers: readonly Instance[]
}

/** Nine tenths of a Deployment. */
const unread = ['managedFields', 'template']

/** Of thousands of sleepers only those are kept that are to be woken. */
async function listInstances(scope: Scope, deps: Deps, signal: AbortSignal): Promise<Listed> {
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
  const awake: Instance[] = []
  const sleepers: Instance[] = []
  const options = { labelSelector: deps.deploymentLabel, leaveOut: unread, signal }
  for await (const deployment of deps.kubernetes.list<Deployment>(kind, options)) {
    const isAsleep = deployment.spec?.replicas === 0
    if (isAsleep && deployment.metadata?.annotations?.[annotationKeys.wakeAt] === undefined) continue
    const instance = readInstance(deployment)
    if (instance === undefined || instance.deleting) continue
    if (scope.names === 'all' || scope.names.includes(instance.name)) (isAsleep ? sleepers : awake).push(instance)
  }
  return { awake, sleepers }
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
  const id = idOf(data.deploymentUid, cause.type === 'dev.knative.sources.ping' ? '' : cause.id, data.lastActivityAt)
  const event = makeEvent({ type: 'io.platxa.instance.idle.detected.v1', source, cause, id, data })
  await publisher.publish(event, { signal })
}

/** Late enough for a broker that tries again, and no wake for a job of yesterday. */
const dueForMs = 30 * 60_000

async function publishDue({ name, uid, wakeAt }: Due, cause: Cause, deps: Deps, signal: AbortSignal): Promise<void> {
  const { publisher, source, now } = deps
  const expirytime = now().add({ milliseconds: dueForMs }).toString({ smallestUnit: 'second' })
  const data = { name, trigger: 'cron', deploymentUid: uid } as const
  const id = idOf(uid, 'cron', wakeAt.toString())
  const event = makeEvent({
    type: 'io.platxa.instance.wake.requested.v1',
    source,
    cause,
    id,
    data,
    extensions: { expirytime },
  })
  await publisher.publish(event, { signal })
}

function idOf(...fact: readonly string[]): string {
  return createHash('sha256').update(fact.join(':')).digest('hex').slice(0, 32)
}
