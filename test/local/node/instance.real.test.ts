// A whole instance as provisioning makes it, on this node: its objects, its database, the stand-in for Odoo, its sleep.
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'

import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { provideDatabase } from '#functions/provision/database.ts'
import { localImages } from '#local/node/images.ts'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import type { Platform } from '#shared/instance/platform.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { platformOf, specOf } from '#test/shared/instance/builders.ts'
import { cluster } from '#test/world/cluster.ts'
import { postgres, type PostgresWorld } from '#test/world/postgres.ts'

import { eventually, isReady, type TestNode, testNode, until, untilGone } from './world.ts'

let world: TestNode
let kubernetes: Kubernetes
let database: PostgresWorld
let platform: Platform
const within = (): AbortSignal => AbortSignal.timeout(60_000)
const names: string[] = []
const secrets = { password: 'a password of no tenant'.replaceAll(' ', '-'), adminPassword: 'of the first login' }

beforeAll(async () => {
  kubernetes = await cluster()
  database = await postgres()
  const images = localImages({
    repository: resolve(),
    standInEnv: { STANDIN_START_SECONDS: '0.5', STANDIN_STOP_SECONDS: '0.2' },
  })
  world = await testNode({ images })
  const { host, port } = database.admin.settings
  platform = platformOf({
    PGHOST: host,
    PGPORT: String(port),
    PGSSLMODE: 'disable',
    POOLER: 'off',
    STORAGE_CLASS: world.storageClass,
  })
})
afterAll(async () => {
  for (const name of names) {
    await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespaceOf(name) }, { signal: within() })
  }
  await world.end()
})

async function provision(changes: Record<string, unknown>): Promise<InstanceSpec> {
  const name = `n${randomBytes(4).toString('hex')}`
  names.push(name)
  const spec = specOf({ name, hosts: [`${name}.platxa.com`], ...changes })
  for (const object of instanceObjects(spec, platform, secrets)) {
    const ours = object.kind === 'Deployment' ? placedHere(object as Deployment) : object
    await eventually(() => kubernetes.apply(ours as object, { fieldManager: 'test', signal: within() }))
    if (object.kind === 'Secret') {
      await provideDatabase(database.admin, platform, { spec, secrets, uid: 'uid' }, within())
    }
  }
  return spec
}

/** On the node of this test; nothing else is changed. */
function placedHere(object: Deployment): Deployment {
  const { nodeSelector, tolerations } = world.placement
  const deployment = structuredClone(object)
  Object.assign(deployment.spec?.template.spec ?? {}, { nodeSelector, tolerations })
  return deployment
}

async function podOf({ name }: InstanceSpec): Promise<Pod> {
  return await eventually(async () => {
    const kind = { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(name) }
    for await (const pod of kubernetes.list<Pod>(kind, { signal: within() })) {
      if (pod.metadata?.deletionTimestamp === undefined) return pod
    }
    throw new Error('no pod yet')
  })
}

async function scale({ name }: InstanceSpec, replicas: number): Promise<void> {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
  await kubernetes.scale(ref, replicas, { signal: within() })
}

async function signIn(pod: Pod, login: string, password: string): Promise<{ body: unknown; cookie: string }> {
  const response = await fetch(`http://${pod.status?.podIP}:8069/web/session/authenticate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, params: { db: 'x', login, password } }),
  })
  return { body: await response.json(), cookie: response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '' }
}

describe('an instance', () => {
  it('starts, takes the password of its Secret, and keeps its session and its counters through sleep', async () => {
    const spec = await provision({ tier: 'free' })
    const first = await until(await podOf(spec), isReady)
    const { body, cookie } = await signIn(first, spec.adminLogin, secrets.adminPassword)
    expect(body).toMatchObject({ result: { username: spec.adminLogin, db: `odoo_${spec.name}` } })
    const visits = async (pod: Pod): Promise<number> => {
      const page = await fetch(`http://${pod.status?.podIP}:8069/odoo`, { headers: { cookie }, redirect: 'manual' })
      expect(page.status).toBe(200)
      return Number(/id="visits">(\d+)</.exec(await page.text())?.[1])
    }
    const before = await visits(first)

    await scale(spec, 0)
    await untilGone(first)
    await scale(spec, 1)
    const second = await until(await podOf(spec), isReady)
    expect(second.metadata?.uid).not.toBe(first.metadata?.uid)
    expect(await visits(second)).toBe(before + 1)
  })

  it('with workers has its bus on the other port', async () => {
    const spec = await provision({ tier: 'pro' })
    const pod = await until(await podOf(spec), isReady)
    const health = await fetch(`http://${pod.status?.podIP}:8072/websocket/health`)
    expect(await health.json()).toEqual({ status: 'pass' })
  })

  it('whose database is away crashes, says why in its log, and comes when the database is back', async () => {
    const spec = await provision({ tier: 'free' })
    const name = `odoo_${spec.name}`
    const first = await until(await podOf(spec), isReady)
    await scale(spec, 0)
    await untilGone(first)
    const alter = (how: string): Promise<unknown> =>
      database.root.session({ signal: within() }, (session) => session.query(`ALTER DATABASE ${name} ${how}`))
    await alter('ALLOW_CONNECTIONS false')
    await scale(spec, 1)
    const looping = await until(await podOf(spec), ({ status }) => {
      return status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff'
    })
    expect(await world.logOf(looping, 'odoo')).toContain(`database "${name}" is not currently accepting connections`)
    await alter('ALLOW_CONNECTIONS true')
    await until(looping, isReady)
  })
})
