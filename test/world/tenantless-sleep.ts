// The sleep function for instances that have no database: what an instance does by itself is asked in test/functions/sleep.
import type { Hono } from 'hono'
import { route } from '#functions/sleep/route.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { ReplicaSettings } from '#shared/wake/replicas.ts'
import { silentLog } from './postgres.ts'

export interface TenantlessSleep {
  readonly kubernetes: Kubernetes
  readonly replicas: ReplicaSettings
  readonly idleTimeoutMs: number
  readonly fenceTtlMs: number
}

export function tenantlessSleep(settings: TenantlessSleep): Hono {
  return route({
    ...settings,
    now: () => Temporal.Now.instant(),
    source: '//functions.platxa.io/sleep',
    log: silentLog,
    count: () => undefined,
    look: async () => ({ sessions: [], jobs: [], crons: { is: 'none' } }),
    minimumAwakeMs: 0,
    tabsAnswerMs: 0,
  })
}
