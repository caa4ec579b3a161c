// An instance as the functions read it, in the middle of its life.
import type { Instance } from '#shared/instance/read.ts'

export function instance(changes: Partial<Instance> = {}): Instance {
  const name = changes.name ?? 'demo'
  return {
    name,
    namespace: `instance-${name}`,
    uid: `uid-${name}`,
    resourceVersion: '1',
    hosts: [`${name}.localhost`],
    tier: 'free',
    status: 'active',
    replicas: 1,
    readyReplicas: 1,
    workers: 0,
    websocketPort: 8069,
    odooVersion: '19',
    why: undefined,
    since: Temporal.Instant.from('2026-11-23T08:00:00Z'),
    awakeSeconds: undefined,
    keepAwakeUntil: undefined,
    crons: undefined,
    cronJobs: [],
    faults: [],
    wokenBy: undefined,
    lastVeto: undefined,
    sleepsAt: undefined,
    lastWakeMs: undefined,
    totals: { wakes: 0, sleeps: 0, falseWakes: 0, awakeSeconds: 0 },
    wakeAt: undefined,
    createdAt: Temporal.Instant.from('2026-11-01T08:00:00Z'),
    deleting: false,
    ...changes,
  }
}
