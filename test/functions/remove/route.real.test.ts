import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { runningPod } from '#functions/change-tier/resize.ts'
import { deploymentRef, namespaceRef } from '#shared/cluster/refs.ts'
import { databaseOf, namespaceOf } from '#shared/instance/names.ts'
import { tombstone } from '#shared/instance/tombstone.ts'
import type { Ref } from '#shared/k8s/kubernetes.ts'
import { keptName } from '#shared/postgres/keep.ts'
import {
  crashing,
  installManifests,
  instanceName,
  objectsOf,
  request,
  within,
} from '#test/functions/provision/world.ts'
import { rows } from '#test/shared/postgres/tenant.ts'
import { cluster } from '#test/world/cluster.ts'
import { mortal } from '#test/world/crash.ts'
import {
  everythingOf,
  life,
  removal,
  statusChanged,
  tombstoneFor,
  uidOf,
  type Life,
  type LifeOptions,
} from '#test/world/life.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'

const REMOVED = 'io.platxa.instance.removed.v1'

/** A pod on it never ends by itself. */
async function nodeWithoutKubelet(): Promise<string> {
  const kubernetes = await cluster()
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: instanceName() } }
  await kubernetes.create(node, { signal: within() })
  onTestFinished(async () => {
    await kubernetes.delete({ ...node, name: node.metadata.name }, { signal: within() })
  })
  return node.metadata.name
}

describe('remove, the whole way', { timeout: 600_000 }, () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  async function world(options?: LifeOptions): Promise<Life & { readonly name: string; readonly uid: string }> {
    const name = instanceName()
    const here = life(postgres, options)
    await here.deliver(request(name))
    return { ...here, name, uid: await uidOf(name) }
  }
  /** What PostgreSQL has of this name: `database`, `role`. */
  const traces = async (name: string): Promise<string[]> => {
    const found = await rows<{ what: string }>(
      postgres.root,
      `SELECT 'role' AS what FROM pg_roles WHERE rolname = $1
       UNION ALL SELECT 'database' FROM pg_database WHERE datname = $1`,
      [name],
    )
    return found.map(({ what }) => what).sort()
  }

  it('marks it first, closes the door, drops the database, and leaves nothing but the tombstone', async () => {
    const { name, uid, deliver, hands } = await world()
    const process = mortal(await hands('remove'))
    expect(await deliver(removal(name, { uid }), process)).toMatchObject({
      status: 200,
      type: REMOVED,
      data: { name, revision: 9, uid, databaseKept: false },
    })
    expect(process.writes.filter((write) => !/terminat|GRANT|REVOKE/.test(write))).toEqual([
      `apply ConfigMap removed-${name}`,
      `patch Namespace ${namespaceOf(name)}`,
      `patch Deployment odoo-${name}`,
      `scale odoo-${name} to 0`,
      'create Event',
      expect.stringMatching(/^ALTER ROLE .* NOLOGIN$/),
      expect.stringMatching(/^ALTER DATABASE .* ALLOW_CONNECTIONS false$/),
      expect.stringMatching(/^DROP DATABASE /),
      expect.stringMatching(/^DROP ROLE /),
      `delete Namespace ${namespaceOf(name)}`,
    ])
    expect(await objectsOf(name)).toEqual([])
    expect(await traces(databaseOf(name))).toEqual([])
    expect((await tombstoneFor(name))?.data).toMatchObject({ revision: '9', uid })
  })

  it('keeps the database, frozen and under another name, when that is asked', async () => {
    const { name, uid, deliver } = await world()
    const event = removal(name, { uid, keepDatabase: true })
    const answer = await deliver(event)
    expect(answer).toMatchObject({ type: REMOVED, data: { databaseKept: true } })
    expect(await traces(databaseOf(name))).toEqual([])
    const kept = keptName(databaseOf(name), uid)
    const [frozen] = await rows(postgres.root, 'SELECT datallowconn FROM pg_database WHERE datname = $1', [kept])
    expect(frozen).toEqual({ datallowconn: false })
    expect(await deliver(event)).toEqual(answer)
  })

  it('is not undone by what comes late, and never touches a newer instance of the name when it is replayed', async () => {
    const { name, uid, deliver } = await world()
    const first = await deliver(removal(name, { uid }))
    expect(await deliver(request(name))).toMatchObject({ data: { step: 'removed' } })
    expect(await deliver(statusChanged(name, { revision: 3, status: 'suspended' }))).toMatchObject({ status: 204 })
    expect(await objectsOf(name)).toEqual([])

    expect(await deliver(request(name, { revision: 10 }))).toMatchObject({ status: 200, data: { revision: 10 } })
    const [before, newer] = [await everythingOf(name, postgres), await uidOf(name)]
    expect(await deliver(removal(name, { uid }))).toEqual(first)
    expect(await uidOf(name)).toBe(newer)
    expect(await everythingOf(name, postgres)).toEqual(before)
  })

  it('gives way to a newer request', async () => {
    const { name, uid, deliver } = await world()
    await deliver(request(name, { revision: 10 }))
    expect(await deliver(removal(name, { uid }))).toMatchObject({ status: 204 })
    expect(await traces(databaseOf(name))).toEqual(['database', 'role'])
  })

  it('takes away what was never finished', async () => {
    const name = instanceName()
    const { deliver, hands } = life(postgres)
    const { kubernetes, admin } = await hands('provision')
    await deliver(request(name), { admin, kubernetes: crashing(kubernetes, 1) })
    expect(await deliver(removal(name, { uid: await uidOf(name) }))).toMatchObject({ type: REMOVED })
    expect(await objectsOf(name)).toEqual([])
  })

  it('drops the database of a namespace that somebody deleted by hand', async () => {
    const { name, uid, deliver } = await world()
    await (await cluster()).delete(namespaceRef(name), { signal: within() })
    expect(await deliver(removal(name, { uid }))).toMatchObject({ type: REMOVED })
    expect(await traces(databaseOf(name))).toEqual([])
  })

  it('waits for Odoo to end, and leaves its database alone until then', async () => {
    const { name, uid, deliver } = await world({ removalWaitsMs: 1_000 })
    const kubernetes = await cluster()
    const node = await nodeWithoutKubelet()
    const find = () => runningPod(kubernetes, name, within())
    await expect.poll(find, { timeout: 30_000 }).toBeDefined()
    const path = `/api/v1/namespaces/${namespaceOf(name)}/pods/${(await find())?.metadata?.name}`
    const target = { apiVersion: 'v1', kind: 'Node', name: node }
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: path.split('/').at(-1) }, target }
    await kubernetes.request('POST', `${path}/binding`, { body, signal: within() })

    expect(await deliver(removal(name, { uid }))).toMatchObject({
      status: 503,
      data: { reason: 'Odoo has not ended yet' },
    })
    expect(await traces(databaseOf(name))).toEqual(['database', 'role'])
    expect(await kubernetes.get(deploymentRef(name), { signal: within() })).toMatchObject({ spec: { replicas: 0 } })
    await kubernetes.request('DELETE', path, { query: { gracePeriodSeconds: 0 }, signal: within() })
    expect(await life(postgres).deliver(removal(name, { uid }))).toMatchObject({ type: REMOVED })
  })

  it('waits until the namespace is gone', async () => {
    const { name, uid, deliver } = await world({ removalWaitsMs: 1_000 })
    const kubernetes = await cluster()
    const config: Ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: namespaceOf(name), name: 'odoo-config' }
    const finalizers = (list: string[]) =>
      kubernetes.patch(config, { metadata: { finalizers: list } }, { type: 'merge', signal: within() })
    await finalizers(['test.platxa.io/stuck'])
    const removedOnce = async () => [(await deliver(removal(name, { uid }))).status, await traces(databaseOf(name))]
    await expect.poll(removedOnce, { timeout: 60_000 }).toEqual([503, []])
    await finalizers([])
    expect(await life(postgres).deliver(removal(name, { uid }))).toMatchObject({ type: REMOVED, data: { uid } })
  })

  it('sweeps tombstones of long ago, but not those of namespaces that are still there', async () => {
    const { deliver } = life(postgres)
    const name = instanceName()
    const kubernetes = await cluster()
    const [ancient, stuck] = [instanceName(), instanceName()]
    await kubernetes.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespaceOf(stuck) } },
      { fieldManager: 'test', signal: within() },
    )
    const longAgo = Temporal.Now.instant().subtract({ hours: 24 * 70 })
    for (const old of [ancient, stuck]) {
      const grave = tombstone(old, { revision: 1, uid: 'uid-0' }, longAgo, 'platxa')
      await kubernetes.apply(grave, { fieldManager: 'test', signal: within() })
    }
    await deliver(removal(name, { uid: 'uid-of-nothing' }))
    expect(await tombstoneFor(ancient)).toBeUndefined()
    expect(await tombstoneFor(stuck)).toBeDefined()
    expect(await tombstoneFor(name)).toBeDefined()
  })
})
