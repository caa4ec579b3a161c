import { Client } from 'pg'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { annotationKeys, databaseOf, namespaceOf } from '#shared/instance/names.ts'
import { readPasswords } from '#shared/cluster/read.ts'
import { tombstone } from '#shared/instance/tombstone.ts'
import { installManifests, instanceName, objectsOf, request, within } from '#test/functions/provision/world.ts'
import { parametersOf, rows } from '#test/shared/postgres/tenant.ts'
import { cluster } from '#test/world/cluster.ts'
import { mortal } from '#test/world/crash.ts'
import { deploymentOf, everythingOf, life, scale, statusChanged, type Life } from '#test/world/life.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'

const APPLIED = 'io.platxa.instance.status.applied.v1'

describe('change-status, the whole way', () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })

  /** An instance that was just made, and is awake for its first boot. */
  async function world(): Promise<Life & { readonly name: string }> {
    const name = instanceName()
    const here = life(postgres)
    await here.deliver(request(name))
    return { ...here, name }
  }
  const suspend = (name: string, revision = 2) =>
    statusChanged(name, { revision, status: 'suspended', reason: 'unpaid' })
  const activate = (name: string, revision = 3) => statusChanged(name, { revision, status: 'active' })
  const mayLogin = async (name: string) =>
    (await rows(postgres.root, 'SELECT rolcanlogin AS it FROM pg_roles WHERE rolname = $1', [databaseOf(name)]))[0]
  async function logIn(name: string): Promise<Client> {
    const passwords = await readPasswords(await cluster(), name, within())
    const { host, port } = postgres.admin.settings
    const user = databaseOf(name)
    const client = new Client({ host, port, user, password: passwords?.password, database: user })
    client.on('error', () => {})
    onTestFinished(() => client.end().catch(() => {}))
    await client.connect()
    return client
  }

  it('puts a suspended instance to sleep, locks its role out, ends its sessions, and says so everywhere', async () => {
    const { name, deliver } = await world()
    const session = await logIn(name)
    expect(await deliver(suspend(name))).toMatchObject({
      status: 200,
      type: APPLIED,
      data: { name, revision: 2, status: 'suspended' },
    })
    await expect(session.query('SELECT 1')).rejects.toThrow(/terminat|closed|not queryable/)
    await expect(logIn(name)).rejects.toMatchObject({ code: '28000' })
    expect(await deploymentOf(name)).toMatchObject({
      metadata: { annotations: { [annotationKeys.why]: 'Asleep: suspended, unpaid' } },
      spec: { replicas: 0 },
    })
    const [namespace, ...objects] = await objectsOf(name)
    expect(namespace?.metadata.annotations).toMatchObject({ [annotationKeys.revision]: '2' })
    for (const { kind, metadata } of [namespace, ...objects].filter((object) => object !== undefined)) {
      const expected = kind === 'RoleBinding' ? undefined : 'suspended'
      expect([kind, metadata.labels?.['platxa.io/status']]).toEqual([kind, expected])
    }
  })

  it('tells the front door before it scales down, and scales down before it locks the role', async () => {
    const { name, deliver, hands } = await world()
    const process = mortal(await hands('change-status'))
    await deliver(suspend(name), process)
    const [remembered, label, scaled, locked] = process.writes
    expect([remembered, label, scaled, locked]).toEqual([
      `apply Namespace ${namespaceOf(name)}`,
      `patch Deployment odoo-${name}`,
      `scale odoo-${name} to 0`,
      expect.stringMatching(/^ALTER ROLE .* NOLOGIN$/),
    ])
  })

  it.each(['suspended', 'disabled'] as const)(
    'restores exactly what was when a %s one is active again',
    async (status) => {
      const { name, deliver } = await world()
      await scale(name, 0)
      const before = await everythingOf(name, postgres)
      await deliver(statusChanged(name, { revision: 2, status }))
      expect(await everythingOf(name, postgres)).not.toEqual(before)
      expect(await deliver(activate(name))).toMatchObject({ type: APPLIED, data: { status: 'active' } })
      expect(withoutWords(await everythingOf(name, postgres))).toEqual(withoutWords(before))
      expect((await deploymentOf(name))?.spec?.replicas).toBe(0)
      expect((await (await logIn(name)).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    },
  )

  it('tells the tenant its new address when it comes back', async () => {
    const { name, deliver } = await world()
    await deliver(suspend(name))
    await deliver(request(name, { revision: 3, hosts: ['new.example.org'] }))
    expect(await deploymentOf(name)).toMatchObject({ spec: { replicas: 0 } })
    expect(await parametersOf(postgres, databaseOf(name))).toMatchObject({
      'web.base.url': `https://${name}.platxa.com`,
    })
    await deliver(activate(name, 4))
    expect(await parametersOf(postgres, databaseOf(name))).toMatchObject({ 'web.base.url': 'https://new.example.org' })
  })

  it('leaves an awake instance awake when it is told again that it is active', async () => {
    const { name, deliver } = await world()
    const before = await deploymentOf(name)
    expect(await deliver(activate(name, 2))).toMatchObject({ type: APPLIED })
    const after = await deploymentOf(name)
    expect(after?.spec?.replicas).toBe(1)
    expect(after?.metadata.annotations?.[annotationKeys.why]).toBe(before?.metadata.annotations?.[annotationKeys.why])
  })

  it('ignores an older status, and is not kept back by a newer revision of something else', async () => {
    const { name, deliver } = await world()
    await deliver(request(name, { revision: 9 }))
    expect(await deliver(suspend(name, 5))).toMatchObject({ type: APPLIED, data: { revision: 5 } })
    expect(await deliver(activate(name, 4))).toMatchObject({ status: 204 })
    expect(await mayLogin(name)).toEqual({ it: false })
    expect((await objectsOf(name))[0]?.metadata.annotations).toMatchObject({ [annotationKeys.revision]: '9' })
  })

  it('says the same a second time and changes nothing', async () => {
    const { name, deliver } = await world()
    const first = await deliver(suspend(name))
    const before = await everythingOf(name, postgres)
    expect(await deliver(suspend(name))).toEqual(first)
    expect(await everythingOf(name, postgres)).toEqual(before)
  })

  it('stays locked out when it is asked for again', async () => {
    const { name, deliver } = await world()
    await deliver(suspend(name))
    await deliver(request(name, { revision: 3, tier: 'pro' }))
    expect(await mayLogin(name)).toEqual({ it: false })
    expect(await deploymentOf(name)).toMatchObject({
      metadata: { labels: { 'platxa.io/status': 'suspended' } },
      spec: { replicas: 0 },
    })
  })

  it('comes again for an instance that is not there yet, and not for one that is removed', async () => {
    const name = instanceName()
    const { deliver } = life(postgres)
    expect(await deliver(suspend(name))).toMatchObject({ status: 503 })
    const grave = tombstone(name, { revision: 7, uid: 'uid-1' }, Temporal.Now.instant(), 'platxa')
    await (await cluster()).apply(grave, { fieldManager: 'test', signal: within() })
    expect(await deliver(suspend(name))).toMatchObject({ status: 204 })
    expect(await deliver(suspend(name, 8))).toMatchObject({ status: 503 })
  })
})

/** Without the sentences for people and the revisions, which have gone on. */
function withoutWords(everything: unknown): unknown {
  const words = new Set<string>([annotationKeys.why, annotationKeys.spec, annotationKeys.revision])
  return JSON.parse(JSON.stringify(everything, (key, value: unknown) => (words.has(key) ? undefined : value)))
}
