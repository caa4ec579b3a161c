// Everything a page of the console shows, read afresh: the API server for what is, the wake replicas for what is used.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Event as ClusterEvent, Secret } from 'kubernetes-types/core/v1.js'
import type { Memory } from '#local/broker/memory.ts'
import { deploymentOf, namespaceOf, objectNames } from '#shared/instance/names.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Activity } from '#shared/wake/contract.ts'
import { askActivity, type ReplicaSettings, wakeReplicas } from '#shared/wake/replicas.ts'
import { type InstanceRow, rowOf } from './instance-row.ts'
import { type Moment, timelineOf } from './timeline.ts'

export interface ReadDeps {
  readonly kubernetes: Kubernetes
  readonly wake: ReplicaSettings
  readonly memory: Memory
  readonly idleTimeoutMs: number
}

export async function readInstances(deps: ReadDeps, signal: AbortSignal): Promise<readonly InstanceRow[]> {
  const activities = await readActivities(deps, signal)
  const rows: InstanceRow[] = []
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
  for await (const deployment of deps.kubernetes.list<Deployment>(kind, { labelSelector: 'app=odoo', signal })) {
    const row = rowOf({ deployment, activities, now: Temporal.Now.instant(), idleTimeoutMs: deps.idleTimeoutMs })
    if (row !== undefined) rows.push(row)
  }
  return rows.toSorted((a, b) => a.instance.name.localeCompare(b.instance.name))
}

export async function readInstanceRow(
  name: string,
  deps: ReadDeps,
  signal: AbortSignal,
): Promise<InstanceRow | undefined> {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
  const [deployment, activities] = await Promise.all([
    deps.kubernetes.get<Deployment>(ref, { signal }),
    readActivities(deps, signal),
  ])
  if (deployment === undefined) return undefined
  return rowOf({ deployment, activities, now: Temporal.Now.instant(), idleTimeoutMs: deps.idleTimeoutMs })
}

export async function readTimeline(name: string, deps: ReadDeps, signal: AbortSignal): Promise<readonly Moment[]> {
  const events: ClusterEvent[] = []
  const kind = { apiVersion: 'v1', kind: 'Event', namespace: namespaceOf(name) }
  for await (const event of deps.kubernetes.list<ClusterEvent>(kind, { signal })) events.push(event)
  return timelineOf(name, deps.memory.list(), events)
}

export interface Login {
  readonly name: string
  readonly password: string
}

/** The first login of an instance: shown because this console is for the owner of the machine alone. */
export async function readLogin(name: string, deps: ReadDeps, signal: AbortSignal): Promise<Login | undefined> {
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace: namespaceOf(name), name: objectNames.secret }
  const secret = await deps.kubernetes.get<Secret>(ref, { signal })
  const text = (key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()
  return secret === undefined ? undefined : { name: text('ADMIN_LOGIN'), password: text('ADMIN_PASSWORD') }
}

/** A replica that does not answer is left out: the console shows what is known. */
async function readActivities({ kubernetes, wake }: ReadDeps, signal: AbortSignal): Promise<readonly Activity[]> {
  const replicas = await wakeReplicas(kubernetes, wake, signal)
  const answers = await Promise.allSettled(replicas.map((replica) => askActivity(replica, wake, signal)))
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}
