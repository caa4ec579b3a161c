// The function as it runs in a cluster: its own service account with the rights of manifests/base and nothing more, the
// platform's own role in PostgreSQL; and what a test looks at afterwards.
import { randomBytes } from 'node:crypto'
import { Registry } from 'prom-client'
import { onTestFinished } from 'vitest'
import type { Deps } from '#functions/provision/effects.ts'
import { route } from '#functions/provision/route.ts'
import { createSteps } from '#functions/provision/steps.ts'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { databaseOf, namespaceOf } from '#shared/instance/names.ts'
import type { Platform } from '#shared/instance/platform.ts'
import type { Kubernetes, KindRef, Manifest } from '#shared/k8s/kubernetes.ts'
import { base, isKnative } from '#test/manifests/base.ts'
import { platformOf } from '#test/shared/instance/builders.ts'
import { stateOf } from '#test/shared/postgres/tenant.ts'
import { asServiceAccount, cluster } from '#test/world/cluster.ts'
import { type PostgresWorld, silentLog } from '#test/world/postgres.ts'

export const within = (): AbortSignal => AbortSignal.timeout(60_000)

export interface Answered {
  readonly status: number
  readonly type: string | null
  readonly id: string | null
  readonly data: unknown
}

/** What RBAC and admission say in a real cluster. Safe to repeat. */
export async function installManifests(): Promise<void> {
  const kubernetes = await cluster()
  const kinds = /^(Namespace|ServiceAccount|(Cluster)?Role|(Cluster)?RoleBinding|ValidatingAdmissionPolicy.*)$/
  for (const object of base) {
    if (isKnative(object) || !kinds.test(object.kind)) continue
    await kubernetes.apply<Manifest>(object, { fieldManager: 'test', signal: within() })
  }
}

/** A name nobody has, its namespace removed when the test is over. */
export function instanceName(): string {
  const name = `p${randomBytes(4).toString('hex')}`
  onTestFinished(async () => {
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: namespaceOf(name) }
    await (await cluster()).delete(ref, { signal: within() })
  })
  return name
}

export function platformFor(postgres: PostgresWorld, changes: Record<string, string> = {}): Platform {
  const { host, port } = postgres.admin.settings
  return platformOf({ PGHOST: host, PGPORT: String(port), PGSSLMODE: 'disable', ...changes })
}

export async function depsFor(postgres: PostgresWorld, changes: Partial<Deps> = {}): Promise<Deps> {
  return {
    kubernetes: changes.kubernetes ?? (await asServiceAccount('platxa', 'provision')),
    admin: postgres.admin,
    platform: platformFor(postgres),
    now: () => Temporal.Now.instant(),
    source: '//functions.platxa.io/provision',
    log: silentLog,
    steps: createSteps(new Registry()),
    ...changes,
  }
}

export function request(name: string, changes: Record<string, unknown> = {}) {
  const data = {
    name,
    revision: 1,
    ownerId: 'owner-1',
    tier: 'free' as const,
    odooVersion: '19',
    hosts: [`${name}.platxa.com`],
    ...changes,
  }
  const id = `request-${name}-${data.revision}`
  return makeEvent({ type: 'io.platxa.instance.requested.v1', source: '//instance-manager', id, data })
}

export async function deliver(deps: Deps, event: ReturnType<typeof request>): Promise<Answered> {
  const { headers, body } = encodeEvent(event)
  const answer = await route(deps).request('/', { method: 'POST', headers, body: body ?? null })
  const text = await answer.text()
  return {
    status: answer.status,
    type: answer.headers.get('ce-type'),
    id: answer.headers.get('ce-id'),
    data: text === '' ? undefined : JSON.parse(text),
  }
}

const KINDS: readonly KindRef[] = [
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: 'v1', kind: 'ResourceQuota' },
  { apiVersion: 'v1', kind: 'LimitRange' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
]

export interface Seen {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
  }
  readonly spec?: { readonly replicas?: number }
  readonly data?: Record<string, string>
}

/** Every object of an instance that provisioning makes, the namespace first. */
export async function objectsOf(name: string): Promise<readonly Seen[]> {
  const kubernetes = await cluster()
  const namespace = namespaceOf(name)
  const home = kubernetes.get<Seen>({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, { signal: within() })
  const inside = KINDS.map(async (kind) => {
    const objects = await Array.fromAsync(kubernetes.list<Seen>({ ...kind, namespace }, { signal: within() }))
    return objects.map((object): Seen => ({ kind: kind.kind, ...object }))
  })
  const found = [await home, ...(await Promise.all(inside)).flat()]
  return found.filter((object) => object !== undefined).filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
}

export async function objectOf(name: string, kind: string, objectName: string): Promise<Seen | undefined> {
  return (await objectsOf(name)).find((object) => object.kind === kind && object.metadata.name === objectName)
}

export async function versionsOf(name: string): Promise<readonly string[]> {
  return (await objectsOf(name)).map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`)
}

/** Both worlds of an instance, without what is different in every one: names, passwords, uids, times, counters. */
export async function wholeOf(name: string, postgres: PostgresWorld): Promise<unknown> {
  const objects = (await objectsOf(name)).map((object) => ({ ...object, status: undefined, data: dataOf(object) }))
  const uid = objects[0]?.metadata.uid ?? 'none'
  const database = await stateOf(postgres, databaseOf(name))
  const text = JSON.stringify({ objects, database }, (key, value: unknown) => (CHANGING.has(key) ? undefined : value))
  const cleaned = [uid, databaseOf(name), name].reduce((all, word) => all.replaceAll(word, 'NAME'), text)
  const words = cleaned.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'then')
  return JSON.parse(words.replaceAll(/("platxa.io\/config-hash":)"\w+"/g, '$1"hash"'))
}

const CHANGING = new Set(
  'uid resourceVersion generation creationTimestamp managedFields time clusterIP clusterIPs platxa.io/since replicas'
    .concat(
      ' platxa.io/sleeps platxa.io/awake-total-seconds deployment.kubernetes.io/revision volumeName pv.kubernetes.io/bind-completed',
    )
    .split(' '),
)

function dataOf({ kind, data = {} }: Seen): object {
  if (kind !== 'Secret') return data
  return Object.keys(data).sort()
}

/** After its k-th write the process is gone: no call of it succeeds any more. */
export function crashing(kubernetes: Kubernetes, afterWrites: number): Kubernetes & { readonly writes: () => number } {
  let writes = 0
  const gone = (): void => {
    if (writes >= afterWrites) throw new Error('the process is gone')
  }
  const write = async <T>(call: () => Promise<T>): Promise<T> => {
    gone()
    const result = await call()
    writes += 1
    gone()
    return result
  }
  return {
    ...kubernetes,
    writes: () => writes,
    get: async (ref, options) => {
      gone()
      return kubernetes.get(ref, options)
    },
    create: (object, options) => write(() => kubernetes.create(object, options)),
    apply: (object, options) => write(() => kubernetes.apply(object, options)),
    patch: (ref, body, options) => write(() => kubernetes.patch(ref, body, options)),
    delete: (ref, options) => write(() => kubernetes.delete(ref, options)),
  }
}
