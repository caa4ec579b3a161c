// Builders for the console's tests: what an API server and wake replicas would say, as plain objects.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Activity } from '#shared/wake/contract.ts'

export interface Told {
  readonly name?: string
  readonly replicas?: number
  readonly pods?: number
  readonly ready?: number
  readonly why?: string
  readonly status?: string
  readonly deleting?: boolean
}

export function deployment(told: Told = {}): Deployment {
  const { name = 'demo', replicas = 1, pods = replicas, ready = pods, status = 'active' } = told
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: `odoo-${name}`,
      namespace: `instance-${name}`,
      uid: `uid-${name}`,
      resourceVersion: '7',
      creationTimestamp: '2026-11-23T10:00:00Z',
      labels: {
        app: 'odoo',
        'app.kubernetes.io/instance': name,
        'platxa.io/resource-tier': 'free',
        'platxa.io/status': status,
      },
      annotations: {
        'platxa.io/hosts': `${name}.localhost`,
        'platxa.io/odoo-version': '19',
        'platxa.io/since': '2026-11-23T11:59:00Z',
        ...(told.why !== undefined && { 'platxa.io/why': told.why }),
      },
      ...(told.deleting && { deletionTimestamp: '2026-11-23T11:59:30Z' }),
    },
    spec: { replicas, selector: {}, template: {} },
    status: { replicas: pods, readyReplicas: ready },
  }
}

type Saw = Partial<Activity['instances'][string]>

export function activity(saw: Record<string, Saw>, replica = 'wake-1'): Activity {
  const instances = Object.entries(saw).map(([name, one]) => [
    name,
    { idleMs: null, inFlight: 0, humanIdleMs: null, sockets: 0, parked: 0, state: 'awake', fenced: false, ...one },
  ])
  return { replica, upForMs: 600_000, instances: Object.fromEntries(instances) as Activity['instances'] }
}
