// One real Odoo of the local world, as those see it who may: its API with the owner's password, its database, its Deployment.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { Client, type QueryResultRow } from 'pg'
import { expect } from 'vitest'
import { makeEvent } from '#shared/events/emit.ts'
import { createPublisher } from '#shared/events/publish.ts'
import { annotationKeys, deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { silentLog } from '#test/world/postgres.ts'
import { ask } from '../ask.ts'
import { adminOf, type LocalWorld, replicasOf } from '../local-world.ts'

/** Generous: several instances start on a machine that does other things too. */
export const SLOW = { timeout: 180_000, interval: 500 }

export interface Instance {
  readonly name: string
  readonly database: string
  readonly login: string
  readonly password: string
  readonly url: (path?: string) => string
  readonly replicas: () => Promise<number | undefined>
  /** Resolves when nobody has used it for long enough. Its pod may still be ending. */
  readonly asleep: () => Promise<void>
  /** The same without waiting for long enough: as an operator's button. */
  readonly putToSleep: () => Promise<void>
  readonly pods: () => Promise<readonly Pod[]>
  /** As the owner, by JSON-RPC; a sleeper is woken by it. */
  readonly call: (model: string, method: string, args: readonly unknown[], named?: object) => Promise<unknown>
  /** As PostgreSQL's superuser, in its database. */
  readonly sql: <Row extends QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>
  /** Says something in the channel that every database has. */
  readonly say: (body: string) => Promise<unknown>
  readonly annotate: (annotations: Readonly<Record<string, string>>) => Promise<void>
  /** The sentence on its Deployment. */
  readonly why: () => Promise<string>
  /** Queries of its Odoo that run or wait just now. */
  readonly queries: () => Promise<readonly string[]>
}

export async function instanceOf(world: LocalWorld, name: string): Promise<Instance> {
  const { login, password } = await adminOf(await world.kubernetes(), name)
  const database = `odoo_${name}`
  const url = (path = '/'): string => `http://${name}.localhost:${world.port}${path}`
  const replicas = async (): Promise<number | undefined> => replicasOf(await world.kubernetes(), name)
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
  const sql = async <Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> =>
    query<Row>(await databaseUrl(world, database), text, values)
  const as = (model: string, method: string, args: readonly unknown[], named = {}): Promise<unknown> =>
    call(url('/jsonrpc'), [database, 2, password, model, method, args, named])
  return {
    name,
    database,
    login,
    password,
    url,
    replicas,
    async asleep() {
      await expect.poll(replicas, SLOW).toBe(0)
    },
    async putToSleep() {
      const asleep = async (): Promise<boolean> => {
        if ((await replicas()) === 1) await askToSleep(world, name)
        return (await replicas()) === 0
      }
      await expect.poll(asleep, { ...SLOW, interval: 2000 }).toBe(true)
    },
    async pods() {
      const pods = { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(name) }
      const kubernetes = await world.kubernetes()
      return Array.fromAsync(kubernetes.list<Pod>(pods, { signal: AbortSignal.timeout(10_000) }))
    },
    call: as,
    say: async (body) =>
      as('discuss.channel', 'message_post', [await as('discuss.channel', 'search', [[['name', '=', 'general']]])], {
        body,
      }),
    sql,
    async annotate(annotations) {
      const kubernetes = await world.kubernetes()
      await kubernetes.patch(ref, { metadata: { annotations } }, { type: 'merge', signal: AbortSignal.timeout(10_000) })
    },
    async why() {
      const kubernetes = await world.kubernetes()
      const found = await kubernetes.get<Deployment>(ref, { signal: AbortSignal.timeout(10_000) })
      return found?.metadata?.annotations?.[annotationKeys.why] ?? ''
    },
    async queries() {
      const active = `SELECT query FROM pg_stat_activity WHERE usename = $1 AND state = 'active'`
      return (await sql<{ query: string }>(active, [database])).map((row) => row.query)
    },
  }
}

async function call(url: string, args: readonly unknown[]): Promise<unknown> {
  const params = { service: 'object', method: 'execute_kw', args }
  const { status, body } = await ask(url, { method: 'POST', json: { jsonrpc: '2.0', method: 'call', id: 1, params } })
  if (status !== 200) throw new Error(`${status}: ${body.slice(0, 300)}`)
  const answer = JSON.parse(body) as { result?: unknown; error?: { data?: { debug?: string } } }
  if (answer.error) throw new Error(answer.error.data?.debug ?? body)
  return answer.result
}

export async function databaseUrl(world: LocalWorld, database: string): Promise<string> {
  const url = new URL((await world.file()).postgres)
  url.pathname = `/${database}`
  return url.href
}

export async function query<Row extends QueryResultRow>(url: string, text: string, values?: unknown[]): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

/** What an operator's button does: look now, whoever was there a moment ago. */
export async function askToSleep(world: LocalWorld, name: string): Promise<void> {
  const { broker } = await world.file()
  const event = makeEvent({
    type: 'io.platxa.idle.scan.requested.v1',
    source: '//test.example',
    id: `scan-${name}-${Date.now()}`,
    data: { scope: [name], idleSeconds: 0 },
  })
  await createPublisher({ sink: broker, log: silentLog }).publish(event, { signal: AbortSignal.timeout(120_000) })
}

/** Puts it to sleep, and how long its pod took from being told to end until nothing of it ran. */
export async function endOf(instance: Instance): Promise<{ readonly seconds: number; readonly killed: boolean }> {
  const end = watchEnd(instance)
  await instance.putToSleep()
  return end
}

async function watchEnd({ pods }: Instance): Promise<{ readonly seconds: number; readonly killed: boolean }> {
  let told: number | undefined
  let graceOver = Number.POSITIVE_INFINITY
  for (;;) {
    const [pod] = await pods()
    if (pod === undefined)
      return { seconds: (Date.now() - (told ?? Date.now())) / 1000, killed: Date.now() > graceOver }
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {}
    // Without grace: it never ran.
    if (told === undefined && deletionTimestamp !== undefined && deletionGracePeriodSeconds > 0) {
      graceOver = Date.parse(deletionTimestamp)
      told = graceOver - deletionGracePeriodSeconds * 1000
    }
    await sleep(100)
  }
}

/** Nothing changes for so long. */
export async function stays<T>(read: () => Promise<T>, value: T, ms: number): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    expect(await read()).toEqual(value)
    await sleep(500)
  }
}
