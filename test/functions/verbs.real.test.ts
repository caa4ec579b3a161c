// Least privilege: what each function was given in manifests/base, held against what it was seen to use in a life that goes
// every way there is. Each runs with its own service account, so that it also has all that it needs.
import type { Pod } from 'kubernetes-types/core/v1.js'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { route as deadLetter } from '#functions/dead-letter/route.ts'
import { route as scanIdle } from '#functions/scan-idle/route.ts'
import { namespaceRef } from '#shared/cluster/refs.ts'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { namespaceOf } from '#shared/instance/names.ts'
import { scaleBinding, tenantAdminBinding } from '#shared/instance/role-bindings.ts'
import { tombstone } from '#shared/instance/tombstone.ts'
import type { Kubernetes, Manifest } from '#shared/k8s/kubernetes.ts'
import { installManifests, instanceName, objectsOf, request, within } from '#test/functions/provision/world.ts'
import { startReplica } from '#test/functions/wake/world.ts'
import { ofKind } from '#test/manifests/base.ts'
import { platformOf, specOf } from '#test/shared/instance/builders.ts'
import { asServiceAccount, cluster } from '#test/world/cluster.ts'
import {
  idleDetected,
  life,
  removal,
  runSmaller,
  scale,
  statusChanged,
  tierChanged,
  uidOf,
  deploymentOf,
} from '#test/world/life.ts'
import { postgres as sharedPostgres, silentLog, type PostgresWorld } from '#test/world/postgres.ts'
import { recorded, rightOf, type Place, type Right } from '#test/world/recorder.ts'
import { wakeReplica } from '#test/world/wake-replica.ts'

/**
 * The price of a few roles for all instances (provision may hand out no other): what one function has inside an instance
 * because another one that shares the role needs it. A right that nobody uses is none of these.
 */
const shared: Readonly<Record<string, readonly Right[]>> = {
  'platxa/provision': [
    'get apps/deployments in instance',
    'get pods in instance',
    'list pods in instance',
    'patch pods/resize in instance',
  ],
  'platxa/change-tier': [
    'create secrets in instance',
    'create persistentvolumeclaims in instance',
    'delete networking.k8s.io/ingresses in instance',
    'patch apps/deployments/scale in instance',
  ],
  'platxa/change-status': [
    'create secrets in instance',
    'create persistentvolumeclaims in instance',
    'delete networking.k8s.io/ingresses in instance',
    'get pods in instance',
    'patch pods/resize in instance',
  ],
}

const used = new Map<string, Set<Right>>()

/** The API server as this function sees it, which is written down. */
async function as(account: string): Promise<Kubernetes> {
  const [namespace = '', name = ''] = account.split('/')
  const rights = used.get(account) ?? new Set()
  used.set(account, rights)
  return recorded(await asServiceAccount(namespace, name), await cluster(), rights)
}

describe('the rights of the functions', { timeout: 900_000 }, () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  it('are all used: no function has a verb it never uses', async () => {
    const name = instanceName()
    await liveThrough(name, postgres)
    await wake(name)
    await scanAndSleep(name, postgres)
    await die(name)
    await scale(name, 1)
    await remove(name, postgres)
    const unused = [...granted()].map(([account, rights]) => {
      const seen = [...(used.get(account) ?? [])]
      return [account, rights.filter((right) => !seen.some((one) => covers(right, one)))] as const
    })
    const found = Object.fromEntries(unused.filter(([, rights]) => rights.length > 0))
    expect(sorted(found)).toEqual(sorted(shared))
  })
})

async function liveThrough(name: string, postgres: PostgresWorld): Promise<void> {
  const { deliver } = life(postgres, { resizeWithinMs: 200 })
  const { admin } = postgres
  const to = async (account: string, event: Parameters<typeof deliver>[0]) => {
    const answer = await deliver(event, { admin, kubernetes: await as(account) })
    expect([event.type, answer.status]).toEqual([event.type, 200])
  }
  await to('platxa/provision', request(name, { tier: 'pro' }))
  await mislay(name)
  await to('platxa/change-status', statusChanged(name, { revision: 2, status: 'suspended' }))
  await forget(name, 'Deployment')
  await to('platxa/provision', request(name, { revision: 3, tier: 'pro' }))
  await to('platxa/change-status', statusChanged(name, { revision: 4, status: 'active' }))
  await mislay(name)
  await to('platxa/change-tier', tierChanged(name, { revision: 5, tier: 'team', apply: 'now' }))
  await runSmaller(name, '1Gi')
  await to('platxa/change-tier', tierChanged(name, { revision: 6, tier: 'team', apply: 'now' }))
}

/** Somebody deleted by hand what the functions put back. */
async function mislay(name: string): Promise<void> {
  for (const { kind = '' } of await objectsOf(name)) {
    if (!/^(Namespace|RoleBinding|Secret|PersistentVolumeClaim)$/.test(kind)) await forget(name, kind)
  }
}

async function forget(name: string, kind: string): Promise<void> {
  const kubernetes = await cluster()
  for (const object of await objectsOf(name)) {
    if (object.kind !== kind) continue
    const { apiVersion = apiVersions[kind] ?? 'v1', metadata } = object
    await kubernetes.delete(
      { apiVersion, kind, namespace: namespaceOf(name), name: metadata.name },
      { signal: within() },
    )
  }
}

/** Lists do not say it of their items. */
const apiVersions: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  Ingress: 'networking.k8s.io/v1',
  NetworkPolicy: 'networking.k8s.io/v1',
}

/** Its node has taken it and its containers are not made: why is said by Events alone. */
async function strand(name: string): Promise<void> {
  const kubernetes = await cluster()
  const pods = { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(name) }
  const pod = async () => {
    const all = await Array.fromAsync(kubernetes.list<Pod>(pods, { signal: within() }))
    return all.find(({ metadata }) => metadata?.deletionTimestamp === undefined)?.metadata?.name
  }
  await expect.poll(pod, { timeout: 30_000 }).toBeDefined()
  const waiting = { waiting: { reason: 'ContainerCreating' } }
  const odoo = { name: 'odoo', ready: false, restartCount: 0, image: 'odoo', imageID: '', state: waiting }
  const status = { phase: 'Pending', containerStatuses: [odoo] }
  const ref = { ...pods, name: (await pod()) ?? '' }
  await kubernetes.patch(ref, { status }, { type: 'merge', subresource: 'status', signal: within() })
}

/** Its pod never answers, so it is told why, too. */
async function wake(name: string): Promise<void> {
  await scale(name, 0)
  const replica = await startReplica(await as('traefik-system/wake'), { wakeTimeoutMs: 15_000 })
  await expect.poll(() => replica.wake.rooms.named(name)?.room.world.replicas, { timeout: 30_000 }).toBe(0)
  const data = { name, trigger: 'manual' as const }
  const wish = makeEvent({ type: 'io.platxa.instance.wake.requested.v1', source: '//test', id: `wake-${name}`, data })
  const { headers, body } = encodeEvent(wish)
  const answer = await replica.wake.control.request('/', { method: 'POST', headers, body: body ?? null })
  expect(answer.status).toBe(204)
  await strand(name)
  const why = async () => (await deploymentOf(name))?.metadata.annotations?.['platxa.io/why']
  await expect.poll(why, { timeout: 60_000 }).toMatch(/^Could not be woken/)
}

async function scanAndSleep(name: string, postgres: PostgresWorld): Promise<void> {
  const quiet = { fence: 'f1', upForMs: 3_600_000, idleMs: 1_000_000, inFlight: 0, humanIdleMs: null }
  const at = { namespace: 'traefik-system', name: `wake-${name}`, address: '127.0.93.1' }
  const reply = ({ method }: { readonly method: string }) =>
    method === 'POST' ? { status: 200, body: quiet } : { status: 204 }
  const kubernetes = await cluster()
  const replica = await wakeReplica({ kubernetes, ...at, reply })
  onTestFinished(async () => {
    await replica.close()
    await kubernetes.delete({ apiVersion: 'v1', kind: 'Pod', ...at }, { gracePeriodSeconds: 0, signal: within() })
  })
  const replicas = { namespace: at.namespace, port: replica.port, controlTimeoutMs: 5_000 }
  // While it is awake: of who sleeps, no replica is asked.
  const scan = scanIdle({
    kubernetes: await as('platxa/scan-idle'),
    publisher: { publish: async () => {} },
    now: () => Temporal.Now.instant(),
    source: '//functions.platxa.io/scan-idle',
    log: silentLog,
    idleTimeoutMs: 900_000,
    count: () => {},
    minimumAwakeMs: 0,
    cronAwakeMs: 0,
    deploymentLabel: 'app=odoo',
    replicas,
  })
  const tick = makeEvent({ type: 'dev.knative.sources.ping', source: '/apis/v1/ping', id: 'tick', data: undefined })
  const { headers, body } = encodeEvent(tick)
  const answer = await scan.request('/', { method: 'POST', headers, body: body ?? null })
  expect(answer.status).toBe(204)
  const hands = { admin: postgres.admin, kubernetes: await as('platxa/sleep') }
  const fallsAsleep = async () => {
    const idle = idleDetected(name, 1, await deploymentOf(name))
    return (await life(postgres, { replicas }).deliver(idle, hands)).type
  }
  // While its Deployment is written to, it is left alone.
  await expect.poll(fallsAsleep, { timeout: 30_000 }).toBe('io.platxa.instance.slept.v1')
}

async function die(name: string): Promise<void> {
  const kubernetes = await as('platxa/dead-letter')
  const now = () => Temporal.Now.instant()
  const app = deadLetter({ kubernetes, now, log: silentLog, replica: 'test', count: () => {} })
  const { headers, body } = encodeEvent(request(name))
  expect((await app.request('/', { method: 'POST', headers, body: body ?? null })).status).toBe(204)
}

async function remove(name: string, postgres: PostgresWorld): Promise<void> {
  const longAgo = Temporal.Now.instant().subtract({ hours: 24 * 70 })
  const grave = tombstone(instanceName(), { revision: 1, uid: 'uid-0' }, longAgo, 'platxa')
  await (await cluster()).apply(grave, { fieldManager: 'test', signal: within() })
  const hands = { admin: postgres.admin, kubernetes: await as('platxa/remove') }
  const { deliver } = life(postgres)
  const event = removal(name, { uid: await uidOf(name) })
  const isRemoved = async () => (await deliver(event, hands)).type
  await expect.poll(isRemoved, { timeout: 600_000 }).toBe('io.platxa.instance.removed.v1')
  expect(await (await cluster()).get<Manifest>(namespaceRef(name), { signal: within() })).toBeUndefined()
}

const rules = z.array(
  z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
)
const bindingShape = z.object({
  roleRef: z.object({ kind: z.string(), name: z.string() }),
  subjects: z.array(z.object({ namespace: z.string(), name: z.string() })),
})

/** All that RBAC gives to each of our service accounts: in the cluster, in a namespace of ours, inside an instance. */
function granted(): Map<string, Right[]> {
  const accounts = ofKind('ServiceAccount').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
  const rights = new Map<string, Right[]>(accounts.map((account) => [account, []]))
  const give = (binding: unknown, place: Place): void => {
    const { roleRef, subjects } = bindingShape.parse(binding)
    for (const subject of subjects)
      rights.get(`${subject.namespace}/${subject.name}`)?.push(...rightsOf(roleRef, place))
  }
  for (const binding of ofKind('ClusterRoleBinding')) give(binding, 'all')
  for (const binding of ofKind('RoleBinding')) give(binding, binding.metadata.namespace ?? '')
  for (const binding of [scaleBinding, tenantAdminBinding]) give(binding(specOf(), platformOf()), 'instance')
  return rights
}

function rightsOf({ kind, name }: { readonly kind: string; readonly name: string }, place: Place): Right[] {
  const role = ofKind(kind).find(({ metadata }) => metadata.name === name)
  return rules
    .parse(role?.['rules'])
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => rightOf(verb, [group, resource].filter(Boolean).join('/'), place)),
        ),
      ),
    )
}

/** A right in all places was used by whoever used it anywhere. */
function covers(right: Right, seen: Right): boolean {
  return right === seen || (right.endsWith(' in all') && seen.startsWith(right.slice(0, -'all'.length)))
}

function sorted(table: Readonly<Record<string, readonly Right[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(table).map(([account, rights]) => [account, [...new Set(rights)].sort()]))
}
