// What the instance itself is doing keeps it awake: asked of its real database and of its Jobs in the real API server.
import { Client } from 'pg'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { databaseOf, namespaceOf } from '#shared/instance/names.ts'
import { readSecrets } from '#shared/instance/secret.ts'
import { installManifests, within } from '#test/functions/provision/world.ts'
import { cluster } from '#test/world/cluster.ts'
import { postgres as sharedPostgres, type PostgresWorld } from '#test/world/postgres.ts'
import { answering, sleepWorld, type Answering } from './world.ts'

const DECLINED = 'io.platxa.instance.sleep.declined.v1'
/** Whatever kept it awake is named in the failure. */
const slept = { type: 'io.platxa.instance.slept.v1', veto: undefined }

describe('sleep, with an instance that is busy by itself', () => {
  let postgres: PostgresWorld
  beforeAll(async () => {
    postgres = await sharedPostgres()
    await installManifests()
  })
  const world = (...replies: Answering[]) => sleepWorld(postgres, ...(replies.length > 0 ? replies : [answering()]))

  /** A connection of the tenant's own. */
  async function connected(name: string, application_name = 'odoo'): Promise<Client> {
    const kubernetes = await cluster()
    const ref = { apiVersion: 'v1', kind: 'Secret', namespace: namespaceOf(name), name: 'odoo-secrets' }
    const secret = await kubernetes.get<object>(ref, { signal: within() })
    const { password } = readSecrets(secret ?? {}) ?? {}
    const { host, port } = postgres.admin.settings
    const login = databaseOf(name)
    const client = new Client({ host, port, user: login, password, database: login, application_name })
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }

  it('stays awake while a transaction is open, says which, and sleeps when it is over', async () => {
    const { name, deliver, replicas } = await world()
    const client = await connected(name, 'import of products')
    await client.query('BEGIN')
    const { data } = await deliver()
    expect(data).toMatchObject({ veto: 'database-session' })
    expect(data?.['detail']).toMatch(
      /^the database session \d+ of import of products has been idle in transaction for \d+ s$/,
    )
    expect(replicas[0]?.calls).toEqual([])
    await client.query('COMMIT')
    expect(await deliver()).toMatchObject(slept)
  })

  it('looks a second time behind the fence: what began meanwhile keeps it awake and lifts the fence', async () => {
    let begin: () => Promise<unknown> = () => Promise.resolve()
    const { name, deliver, replicas, now } = await world(async (call) => {
      if (call.method === 'POST') await begin()
      return answering()(call)
    })
    const client = await connected(name)
    begin = () => client.query('BEGIN')
    expect(await deliver()).toMatchObject({ type: DECLINED, data: { veto: 'database-session' } })
    expect(replicas[0]?.calls.map(({ method }) => method)).toEqual(['POST', 'DELETE'])
    expect((await now())?.spec?.replicas).toBe(1)
  })

  it('stays awake while a maintenance Job runs, and not for one that is over', async () => {
    const { name, deliver } = await world()
    const kubernetes = await cluster()
    const namespace = namespaceOf(name)
    const pod = { restartPolicy: 'Never', containers: [{ name: 'backup', image: 'backup' }] }
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'backup', namespace } }
    await kubernetes.create({ ...job, spec: { template: { spec: pod } } } as typeof job, { signal: within() })
    expect(await deliver()).toMatchObject({
      data: { veto: 'job-running', detail: 'the maintenance Job backup is running' },
    })
    await vi.waitFor(() => end(namespace, 'backup'), { timeout: 20_000 })
    expect(await deliver()).toMatchObject(slept)
  })

  it('exactly on time: a job due in three minutes keeps it awake, one due in an hour is what it is woken for', async () => {
    const { deliver, annotate, inDatabase, clock, notes } = await world()
    const dueIn = (minutes: number) =>
      inDatabase((session) =>
        session.query(`UPDATE public.ir_cron SET nextcall = $1::timestamptz AT TIME ZONE 'UTC'`, [
          clock.now.add({ minutes }).toString(),
        ]),
      )
    await annotate({ 'platxa.io/crons': 'exact' })
    await dueIn(3)
    const { data } = await deliver()
    expect(data).toMatchObject({ veto: 'cron-due' })
    expect(data?.['detail']).toBe('the scheduled job "Base: Auto-vacuum internal data" is due in 3 min')
    await dueIn(60)
    expect(await deliver()).toMatchObject(slept)
    expect(await notes()).toMatchObject({
      'platxa.io/wake-at': clock.now.add({ minutes: 60 }).toString({ smallestUnit: 'second' }),
      'platxa.io/wake-for': 'Base: Auto-vacuum internal data',
    })
  })

  it('is woken for no job that nobody allowed, and for none at all where the policy says never', async () => {
    const one = await world()
    await one.annotate({ 'platxa.io/crons': 'exact', 'platxa.io/cron-jobs': 'mail.ir_cron_mail_gateway_action' })
    expect(await one.deliver()).toMatchObject(slept)
    expect((await one.notes())['platxa.io/wake-at']).toBeUndefined()
    const other = await world()
    expect(await other.deliver(undefined, { cronPolicy: 'never' })).toMatchObject(slept)
    expect((await other.notes())['platxa.io/wake-at']).toBeUndefined()
  })

  it('stays awake when nobody can tell: its tables are not Odoo’s, or PostgreSQL does not answer', async () => {
    const { deliver, deps, inDatabase, now } = await world()
    const silent = { ...deps.server, port: 1 }
    expect(await deliver(undefined, { server: silent })).toMatchObject({ data: { veto: 'tenant-unknown' } })
    await inDatabase((session) => session.query('ALTER TABLE public.ir_cron RENAME TO something_else'))
    const { data } = await deliver()
    expect(data).toMatchObject({ veto: 'tenant-unknown' })
    expect(data?.['detail']).toMatch(/ir_cron.* does not exist/)
    expect((await now())?.spec?.replicas).toBe(1)
  })

  it('stays awake for its minimum time after a wake, and says until when', async () => {
    const { deliver, annotate, clock, notes, replicas } = await world()
    await annotate({ 'platxa.io/since': clock.now.subtract({ seconds: 30 }).toString() })
    expect(await deliver()).toMatchObject({ data: { veto: 'just-woken', detail: 'awake for only 30 s' } })
    const until = clock.now.add({ seconds: 90 }).toString({ smallestUnit: 'second' })
    expect(await notes()).toMatchObject({ 'platxa.io/sleeps-at': until })
    expect(replicas[0]?.calls).toEqual([])
    await annotate({ 'platxa.io/since': clock.now.subtract({ seconds: 120 }).toString() })
    expect(await deliver()).toMatchObject(slept)
  })

  it('stays awake until the moment that somebody wrote down; what cannot be read keeps it awake and is said', async () => {
    const { deliver, annotate, clock, notes, name } = await world()
    const until = clock.now.add({ hours: 2 }).toString({ smallestUnit: 'second' })
    await annotate({ 'platxa.io/keep-awake-until': until })
    expect(await deliver()).toMatchObject({ data: { veto: 'kept-awake' } })
    expect(await notes()).toMatchObject({ 'platxa.io/sleeps-at': until })
    await annotate({ 'platxa.io/keep-awake-until': 'tomorrow' })
    const { data } = await deliver()
    expect(data).toMatchObject({ veto: 'keep-awake-unreadable' })
    expect(data?.['detail']).toMatch(/^platxa\.io\/keep-awake-until must be an instant .* not "tomorrow"$/)
    const events = await eventsOf(name)
    expect(events).toContainEqual(
      expect.objectContaining({ reason: 'SleepDeclined', type: 'Warning', note: (await notes())['platxa.io/why'] }),
    )
    // A scan comes every minute; the words are said once.
    await deliver()
    expect((await eventsOf(name)).length).toBe(events.length)
    await annotate({ 'platxa.io/keep-awake-until': null })
    expect(await deliver()).toMatchObject(slept)
    expect(await eventsOf(name)).toContainEqual(
      expect.objectContaining({ reason: 'Slept', note: (await notes())['platxa.io/why'] }),
    )
  })
})

/** As its controller says it when the pod is done; nobody runs pods here. */
async function end(namespace: string, name: string): Promise<void> {
  const at = Temporal.Now.instant().toString({ smallestUnit: 'second' })
  const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: at,
  }))
  const kubernetes = await cluster()
  await kubernetes.patch(
    { apiVersion: 'batch/v1', kind: 'Job', namespace, name },
    { status: { completionTime: at, succeeded: 1, active: 0, ready: 0, conditions } },
    { type: 'merge', subresource: 'status', signal: within() },
  )
}

interface Said {
  readonly apiVersion?: string
  readonly reason: string
  readonly type: string
  readonly note: string
}

async function eventsOf(name: string): Promise<Said[]> {
  const kubernetes = await cluster()
  const kind = { apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: namespaceOf(name) }
  const said = await Array.fromAsync(kubernetes.list<Said>(kind, { signal: within() }))
  return said.filter(({ reason }) => reason === 'Slept' || reason === 'SleepDeclined')
}
