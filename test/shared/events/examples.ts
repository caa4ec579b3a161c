// Data of events as their senders would write it.
import type { EventType } from '#shared/events/catalogue.ts'

const name = 'demo'
const revision = 3
const uid = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
export const requested = { name, revision, ownerId: '7', tier: 'free', odooVersion: '19', hosts: ['demo.localhost'] }
export const evidence = { replicas: 2, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 3600 }
export const idle = {
  name,
  lastActivityAt: '2026-11-23T18:00:00Z',
  idleSeconds: 900,
  timeoutSeconds: 900,
  deploymentUid: uid,
  evidence,
}
const alert = { alert: 'OdooIdle', labels: { severity: 'info' }, namespace: 'instance-demo', fingerprint: 'abc' }

/** One whole example per type; the compiler sees to it that none is forgotten. */
export const examples: Readonly<Record<EventType, unknown>> = {
  'io.platxa.instance.requested.v1': { ...requested, template: 'template_odoo_19', adminLogin: 'admin@example.com' },
  'io.platxa.instance.tier.changed.v1': { name, revision, tier: 'pro', apply: 'when-asleep' },
  'io.platxa.instance.status.changed.v1': { name, revision, status: 'suspended', reason: 'not paid' },
  'io.platxa.instance.removal.requested.v1': { name, revision, uid, keepDatabase: false },
  'io.platxa.instance.wake.requested.v1': { name, trigger: 'manual', deploymentUid: uid },
  'io.platxa.instance.idle.detected.v1': idle,
  'io.platxa.instance.provisioned.v1': {
    name,
    revision,
    namespace: 'instance-demo',
    uid,
    url: 'https://demo.example.com',
  },
  'io.platxa.instance.provision.failed.v1': {
    name,
    revision,
    reason: 'the template does not exist',
    step: 'clone-database',
  },
  'io.platxa.instance.woken.v1': { name, trigger: 'http', milliseconds: { total: 4200, scheduled: 60, ready: 4200 } },
  'io.platxa.instance.wake.failed.v1': { name, trigger: 'cron', reason: 'image-pull', detail: 'no such image' },
  'io.platxa.instance.slept.v1': { name, awakeSeconds: 1800, why: 'nobody came for 15 minutes' },
  'io.platxa.instance.sleep.declined.v1': { name, veto: 'active-session', detail: 'one query is running' },
  'io.platxa.instance.tier.applied.v1': { name, revision, tier: 'pro', restarted: true },
  'io.platxa.instance.status.applied.v1': { name, revision, status: 'active' },
  'io.platxa.instance.removed.v1': { name, revision, uid, databaseKept: false },
  'io.platxa.alert.firing.v1': alert,
  'io.platxa.alert.resolved.v1': alert,
  'io.platxa.idle.scan.requested.v1': { scope: ['demo', 'shop'] },
  'dev.knative.sources.ping': undefined,
}
