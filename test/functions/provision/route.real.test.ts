import type { Secret } from 'kubernetes-types/core/v1.js'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { databaseOf, deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { readSecrets } from '#shared/instance/secret.ts'
import { tombstone } from '#shared/instance/tombstone.ts'
import { connect } from '#shared/k8s/connect.ts'
import { KubernetesError } from '#shared/k8s/errors.ts'
import type { Call, Manifest, Ref } from '#shared/k8s/kubernetes.ts'
import { connectPostgres } from '#shared/postgres/connect.ts'
import { parametersOf } from '#test/shared/postgres/tenant.ts'
import { cluster, server, tokenOf } from '#test/world/cluster.ts'
import { cutAdmin } from '#test/world/postgres-faults.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'
import { startTcpProxy } from '#test/world/tcp-proxy.ts'
import {
  crashing,
  deliver,
  depsFor,
  installManifests,
  instanceName,
  objectOf,
  objectsOf,
  platformFor,
  request,
  versionsOf,
  wholeOf,
  within,
} from './world.ts'

const PROVISIONED = 'io.platxa.instance.provisioned.v1'
const FAILED = 'io.platxa.instance.provision.failed.v1'

describe('provision, the whole way', { timeout: 600_000 }, () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  it('makes the namespace, its objects and the database, and says so', async () => {
    const name = instanceName()
    const answer = await deliver(await depsFor(postgres), request(name))
    const [namespace] = await objectsOf(name)
    expect(answer).toMatchObject({
      status: 200,
      type: PROVISIONED,
      data: {
        name,
        revision: 1,
        namespace: namespaceOf(name),
        uid: namespace?.metadata.uid,
        url: `https://${name}.platxa.com`,
      },
    })
    const kinds = (await objectsOf(name)).map(({ kind }) => kind).join(' ')
    expect(kinds).toBe(
      'Namespace Secret ConfigMap Service Service PersistentVolumeClaim PersistentVolumeClaim ResourceQuota LimitRange ' +
        'NetworkPolicy NetworkPolicy Ingress RoleBinding RoleBinding RoleBinding Deployment',
    )
    const deployment = await objectOf(name, 'Deployment', deploymentOf(name))
    expect(deployment).toMatchObject({
      metadata: {
        annotations: {
          'platxa.io/hosts': `${name}.platxa.com`,
          'platxa.io/why': expect.stringMatching(/^Awake since .* UTC; woken by its first start after it was made/),
          'platxa.io/since': expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/),
        },
      },
      spec: { replicas: 1 },
    })
    expect(await parametersOf(postgres, databaseOf(name))).toMatchObject({
      'web.base.url': `https://${name}.platxa.com`,
      'web.base.url.freeze': 'True',
      'report.url': 'http://127.0.0.1:8069',
    })
    const notes = (await cluster()).list<Manifest & { reason: string; note: string }>(
      { apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: namespaceOf(name) },
      { signal: within() },
    )
    expect((await Array.fromAsync(notes)).find(({ reason }) => reason === 'Provisioned')?.note).toBe(
      `Revision 1 is applied: tier free, database cloned from template_odoo_19, at https://${name}.platxa.com`,
    )
  })

  async function loginWithSecret(name: string): Promise<unknown> {
    const ref = { apiVersion: 'v1', kind: 'Secret', namespace: namespaceOf(name), name: 'odoo-secrets' }
    const secret = await (await cluster()).get<Secret>(ref, { signal: within() })
    const { password = '' } = (secret && readSecrets(secret)) ?? {}
    const tenant = connectPostgres({ ...postgres.admin.settings, user: databaseOf(name), password })
    return tenant.session({ database: databaseOf(name), signal: within() }, (session) =>
      session.query('SELECT login FROM public.res_users WHERE id = 2'),
    )
  }

  it('lets Odoo log in with the password of the Secret', async () => {
    const name = instanceName()
    await deliver(await depsFor(postgres), request(name))
    expect(await loginWithSecret(name)).toEqual([{ login: 'admin' }])
  })

  it('changes nothing and gives the same answer when the event comes again', async () => {
    const name = instanceName()
    const deps = await depsFor(postgres)
    const first = await deliver(deps, request(name))
    const [versions, whole] = [await versionsOf(name), await wholeOf(name, postgres)]
    expect(await deliver(deps, request(name))).toEqual(first)
    const changedByOthers = /^(Deployment|ResourceQuota|PersistentVolumeClaim) /
    const ours = (lines: readonly string[]) => lines.filter((line) => !changedByOthers.test(line))
    expect(ours(await versionsOf(name))).toEqual(ours(versions))
    expect(await wholeOf(name, postgres)).toEqual(whole)
  })

  it('ignores an older revision and follows a newer one, without waking what sleeps', async () => {
    const name = instanceName()
    const deps = await depsFor(postgres)
    await deliver(deps, request(name, { revision: 5 }))
    const secret = await objectOf(name, 'Secret', 'odoo-secrets')
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
    await (await cluster()).scale(ref, 0, { signal: within() })
    expect(await deliver(deps, request(name, { revision: 4, hosts: ['old.example.com'] }))).toMatchObject({
      status: 204,
    })
    const newer = request(name, { revision: 6, ownerId: 'owner-2', hosts: ['shop.example.com'] })
    expect(await deliver(deps, newer)).toMatchObject({ data: { revision: 6, url: 'https://shop.example.com' } })
    expect(await objectOf(name, 'Deployment', deploymentOf(name))).toMatchObject({
      metadata: {
        labels: { 'platxa.io/owner': 'owner-2' },
        annotations: { 'platxa.io/hosts': `shop.example.com,${name}.platxa.com` },
      },
      spec: { replicas: 0 },
    })
    expect(await parametersOf(postgres, databaseOf(name))).toMatchObject({ 'web.base.url': 'https://shop.example.com' })
    expect((await objectOf(name, 'Secret', 'odoo-secrets'))?.data).toEqual(secret?.data)
    await deliver(deps, request(name, { revision: 7 }))
    expect((await objectsOf(name)).filter(({ kind }) => kind === 'Ingress')).toHaveLength(1)
  })

  it.each([
    [
      'a template that does not exist',
      { odooVersion: '18' },
      'template',
      'there is no database template "template_odoo_18"',
    ],
    ['a version nobody knows', { odooVersion: '29', template: 'template_odoo_19' }, 'spec', /^odooVersion /],
  ])('refuses %s for good and leaves nothing behind', async (_, changes, step, reason) => {
    const name = instanceName()
    const answer = await deliver(await depsFor(postgres), request(name, changes))
    expect(answer).toMatchObject({ status: 200, type: FAILED, data: { name, revision: 1, step } })
    expect(answer.data).toHaveProperty('reason', expect.stringMatching(reason))
    expect(await objectsOf(name)).toEqual([])
  })

  it('never takes over a namespace that somebody else made', async () => {
    const name = instanceName()
    const theirs = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespaceOf(name) } }
    await (await cluster()).create(theirs, { signal: within() })
    const answer = await deliver(await depsFor(postgres), request(name))
    expect(answer).toMatchObject({ type: FAILED, data: { step: 'namespace' } })
    expect(await objectsOf(name)).toHaveLength(1)
  })

  it('says what the API server finds wrong, and does not try it again', async () => {
    const name = instanceName()
    const deps = await depsFor(postgres, { platform: platformFor(postgres, { STORAGE_CLASS: 'Not A Name' }) })
    expect(await deliver(deps, request(name))).toMatchObject({ type: FAILED, data: { step: 'objects' } })
  })

  it('keeps two instances apart that are asked for at once, and one that is asked for twice whole', async () => {
    const names = [instanceName(), instanceName(), instanceName()]
    const deps = await depsFor(postgres)
    const answers = await Promise.all([...names, ...names].map((name) => deliver(deps, request(name))))
    expect(answers.map(({ type }) => type)).toEqual(answers.map(() => PROVISIONED))
    expect(answers.slice(3)).toEqual(answers.slice(0, 3))
    const [first, ...others] = await Promise.all(names.map((name) => wholeOf(name, postgres)))
    for (const other of others) expect(other).toEqual(first)
    for (const name of names) expect(await loginWithSecret(name)).toEqual([{ login: 'admin' }])
  })

  it('makes fifty that are asked for at once, each with a database of its own', { timeout: 600_000 }, async () => {
    const deps = await depsFor(postgres)
    const login = (name: string) => `${name}@example.com`
    const insist = async (name: string) => {
      const event = request(name, { adminLogin: login(name) })
      for (;;) {
        const answer = await deliver(deps, event)
        if (answer.status !== 503) return { name, answer }
      }
    }
    const made = await Promise.all(Array.from({ length: 50 }, () => insist(instanceName())))
    const secrets = new Set<string | undefined>()
    for (const { name, answer } of made) {
      expect(answer).toMatchObject({ type: PROVISIONED, data: { name, url: `https://${name}.platxa.com` } })
      expect(await loginWithSecret(name)).toEqual([{ login: login(name) }])
      const parameters = await parametersOf(postgres, databaseOf(name))
      expect(parameters).toMatchObject({ 'web.base.url': `https://${name}.platxa.com` })
      secrets.add(parameters['database.secret']).add(parameters['database.uuid'])
    }
    expect(secrets.size).toBe(2 * made.length)
  })

  it('says which revision is applied only when all of it is', async () => {
    const name = instanceName()
    const deps = await depsFor(postgres)
    const marks = async () => (await objectsOf(name))[0]?.metadata.annotations ?? {}
    await deliver({ ...deps, kubernetes: crashing(deps.kubernetes, 5) }, request(name, { revision: 3 }))
    expect(await marks()).toMatchObject({ 'platxa.io/spec': expect.stringContaining('"revision":3') })
    expect(await marks()).not.toHaveProperty('platxa.io/revision')
    await deliver(deps, request(name, { revision: 3 }))
    expect(await marks()).toMatchObject({ 'platxa.io/revision': '3' })
  })

  it('does not bring back what was removed, unless a newer revision asks for it', async () => {
    const name = instanceName()
    const deps = await depsFor(postgres)
    const grave = tombstone(name, { revision: 7, uid: 'uid-1' }, Temporal.Now.instant(), 'platxa')
    await (await cluster()).apply(grave, { fieldManager: 'test', signal: within() })
    expect(await deliver(deps, request(name, { revision: 7 }))).toMatchObject({
      type: FAILED,
      data: { step: 'removed', reason: expect.stringContaining('removed by revision 7') },
    })
    expect(await objectsOf(name)).toEqual([])
    expect(await deliver(deps, request(name, { revision: 8 }))).toMatchObject({ type: PROVISIONED })
  })

  it('is patient until its own RoleBinding is known to the API server', async () => {
    const name = instanceName()
    const deps = await depsFor(postgres)
    let refusals = 3
    const call = { verb: 'get', resource: 'secrets', namespace: namespaceOf(name) }
    const kubernetes = {
      ...deps.kubernetes,
      get: async <T>(ref: Ref, options: Call): Promise<T | undefined> => {
        if (ref.kind !== 'Secret' || refusals-- <= 0) return deps.kubernetes.get<T>(ref, options)
        throw new KubernetesError({ status: 403, reason: 'Forbidden', message: 'not yet', call })
      },
    }
    expect(await deliver({ ...deps, kubernetes }, request(name))).toMatchObject({ type: PROVISIONED })
  })

  it('ends in the same world, after whichever statement PostgreSQL cut it off', async () => {
    const deps = await depsFor(postgres)
    const whole = instanceName()
    const counting = cutAdmin(postgres.admin, postgres.root)
    await deliver({ ...deps, admin: counting }, request(whole))
    const expected = await wholeOf(whole, postgres)
    const cutAfter = async (statements: number): Promise<void> => {
      const name = instanceName()
      await deliver({ ...deps, admin: cutAdmin(postgres.admin, postgres.root, statements) }, request(name))
      expect(await deliver(deps, request(name)), `after ${statements}`).toMatchObject({ type: PROVISIONED })
      expect(await wholeOf(name, postgres), `after ${statements}`).toEqual(expected)
    }
    // Every statement of the clone itself has its own test; here the ones between which objects are written.
    const some = Array.from({ length: Math.ceil(counting.statements() / 4) }, (_, index) => index * 4 + 1)
    while (some.length > 0) await Promise.all(some.splice(0, 3).map(cutAfter))
  })

  it('waits while PostgreSQL is away in the middle, and finishes when it is back', async () => {
    const name = instanceName()
    const way = await startTcpProxy(postgres.admin.settings)
    onTestFinished(() => way.close())
    const admin = connectPostgres({ ...postgres.admin.settings, host: '127.0.0.1', port: way.port })
    const deps = await depsFor(postgres, { admin })
    const { kubernetes } = deps
    const cutting = {
      ...kubernetes,
      apply: async (...call: Parameters<typeof kubernetes.apply>) => {
        if (call[0].kind === 'ConfigMap') {
          way.on = false
          way.cut()
        }
        return kubernetes.apply(...call)
      },
    } as typeof kubernetes
    expect(await deliver({ ...deps, kubernetes: cutting }, request(name))).toMatchObject({ status: 503 })
    expect(await deliver(deps, request(name))).toMatchObject({ status: 503 })
    expect(await objectOf(name, 'Deployment', deploymentOf(name))).toBeUndefined()
    way.on = true
    expect(await deliver(deps, request(name))).toMatchObject({ status: 200, type: PROVISIONED })
  })

  it('waits while the API server is away in the middle, and finishes when it is back', async () => {
    const name = instanceName()
    const { server: url, ca } = await server()
    const way = await startTcpProxy({ host: new URL(url).hostname, port: Number(new URL(url).port) })
    onTestFinished(() => way.close())
    const token = await tokenOf('platxa', 'provision')
    const kubernetes = await connect({ server: `https://127.0.0.1:${way.port}`, ca, token })
    onTestFinished(() => kubernetes.close())
    const deps = await depsFor(postgres, { kubernetes })
    const cutting = {
      ...deps.admin,
      session: (async (...call) => {
        if (call[0].database !== undefined) {
          way.on = false
          way.cut()
        }
        return deps.admin.session(...call)
      }) as typeof deps.admin.session,
    }
    expect(await deliver({ ...deps, admin: cutting }, request(name))).toMatchObject({ status: 503 })
    expect(await objectOf(name, 'Deployment', deploymentOf(name))).toBeUndefined()
    way.on = true
    expect(await deliver(deps, request(name))).toMatchObject({ status: 200, type: PROVISIONED })
  })
})
