// The function as it runs in a cluster: its own service account with the rights of manifests/base, beside an instance that
// provision made, whose database it asks as the tenant. The wake replicas answer as a test tells them.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { Registry } from 'prom-client'
import { onTestFinished, vi } from 'vitest'
import type { Deps } from '#functions/sleep/effects.ts'
import { decisionCounter } from '#functions/sleep/metrics.ts'
import { route } from '#functions/sleep/route.ts'
import { lookAtTenant, type TenantDeps } from '#functions/sleep/tenant.ts'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { databaseOf, deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import type { Session } from '#shared/postgres/connect.ts'
import { instanceName, request, within } from '#test/functions/provision/world.ts'
import { addresses } from '#test/world/addresses.ts'
import { asServiceAccount, cluster, testNamespace } from '#test/world/cluster.ts'
import { life } from '#test/world/life.ts'
import { silentLog, type PostgresWorld } from '#test/world/postgres.ts'
import { wakeReplica, type ControlCall, type Reply, type WakeReplica } from '#test/world/wake-replica.ts'

export type Answering = (call: ControlCall) => Reply | Promise<Reply>

const quiet = { fence: 'f1', upForMs: 3_600_000, idleMs: 1_000_000, inFlight: 0, humanIdleMs: null }

export function answering(report: object = {}): (call: ControlCall) => Reply {
  return ({ method }) => (method === 'POST' ? { status: 200, body: { ...quiet, ...report } } : { status: 204 })
}

/** An instance that was made an hour ago. */
export async function sleepWorld(postgres: PostgresWorld, ...replies: Answering[]) {
  const kubernetes = await cluster()
  const name = instanceName()
  const made = await life(postgres).deliver(request(name))
  if (made.status !== 200) throw new Error(`not provisioned: ${JSON.stringify(made)}`)
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
  const now = async (): Promise<Deployment | undefined> => kubernetes.get<Deployment>(ref, { signal: within() })
  const { wakeNamespace, replicas } = await replicasThat(replies)
  const { host, port } = postgres.admin.settings
  const clock = { now: Temporal.Now.instant().add({ hours: 1 }) }
  const registry = new Registry()
  const deps: Omit<Deps, 'look'> & TenantDeps = {
    kubernetes: await asServiceAccount('platxa', 'sleep'),
    now: () => clock.now,
    source: '//functions.platxa.io/sleep',
    log: silentLog,
    count: decisionCounter(registry),
    idleTimeoutMs: 900_000,
    minimumAwakeMs: 120_000,
    replicas: { namespace: wakeNamespace, port: replicas[0]?.port ?? 1, controlTimeoutMs: 5_000 },
    fenceTtlMs: 60_000,
    tabsAnswerMs: 0,
    server: { host, port, sslmode: 'disable' },
    cronPolicy: 'daily',
    cronLimits: { soonMs: 300_000, patienceMs: 600_000 },
    tenantTimeoutMs: 25_000,
  }
  // A RoleBinding takes effect some milliseconds after it was made.
  await vi.waitFor(
    () =>
      Array.fromAsync(
        deps.kubernetes.list({ apiVersion: 'batch/v1', kind: 'Job', namespace: ref.namespace }, { signal: within() }),
      ),
    { timeout: 20_000 },
  )
  // Sleep leaves alone what changes while it looks, so its controllers have their say first.
  await vi.waitFor(
    async () => {
      const { metadata, status } = (await now()) ?? {}
      if (status?.observedGeneration !== metadata?.generation || status?.unavailableReplicas !== 1)
        throw new Error('changes')
    },
    { timeout: 60_000, interval: 100 },
  )
  const uid = (await now())?.metadata?.uid ?? ''
  return {
    name,
    ref,
    deps,
    clock,
    now,
    replicas,
    wakeNamespace,
    metrics: () => registry.metrics(),
    notes: async () => (await now())?.metadata?.annotations ?? {},
    annotate: (annotations: Record<string, string | null>) =>
      kubernetes.patch(ref, { metadata: { annotations } }, { type: 'merge', signal: within() }),
    /** In the instance's database, with all rights. */
    inDatabase: <T>(use: (session: Session) => Promise<T>) =>
      postgres.root.session({ database: databaseOf(name), signal: within() }, use),
    deliver: async (event = idleEvent(name, uid), changes: Partial<typeof deps> = {}, signal?: AbortSignal) => {
      const all = { ...deps, ...changes }
      const app = route({ ...all, look: (instance, signal) => lookAtTenant(instance, all, signal) })
      const { headers, body } = encodeEvent(event)
      const answer = await app.request('/', { method: 'POST', headers, body: body ?? null, ...(signal && { signal }) })
      const text = await answer.text()
      const data = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>)
      const veto = data?.['veto']
      return { status: answer.status, type: answer.headers.get('ce-type'), id: answer.headers.get('ce-id'), veto, data }
    },
  }
}

async function replicasThat(replies: readonly Answering[]) {
  const kubernetes = await cluster()
  const wakeNamespace = await testNamespace('wake')
  await letSleepSee(wakeNamespace)
  const replicas: WakeReplica[] = []
  const address = addresses()
  for (const [index, reply] of replies.entries()) {
    const [first] = replicas
    const at = {
      kubernetes,
      namespace: wakeNamespace,
      name: `wake-${index}`,
      address: address(),
      port: first?.port ?? 0,
    }
    const replica = await wakeReplica({ ...at, reply })
    onTestFinished(() => replica.close())
    replicas.push(replica)
  }
  return { wakeNamespace, replicas }
}

/** As in manifests/base, for a namespace that is this test's own. */
async function letSleepSee(namespace: string): Promise<void> {
  const kubernetes = await cluster()
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  const metadata = { name: 'platxa-wake-replicas', namespace }
  const options = { signal: within() }
  await kubernetes.create(
    { apiVersion, kind: 'Role', metadata, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] },
    options,
  )
  await kubernetes.create(
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', namespace: 'platxa', name: 'sleep' }],
    },
    options,
  )
}

export function idleEvent(name: string, deploymentUid: string, { id = 'idle-1', sockets = 0 } = {}) {
  return makeEvent({
    type: 'io.platxa.instance.idle.detected.v1',
    source: '//functions.platxa.io/scan-idle',
    id,
    data: {
      name,
      lastActivityAt: '2026-11-23T12:00:00Z',
      idleSeconds: 1000,
      timeoutSeconds: 900,
      deploymentUid,
      evidence: { replicas: 2, inFlight: 0, sockets, humanIdleSeconds: null, awakeSeconds: 3600 },
    },
  })
}
