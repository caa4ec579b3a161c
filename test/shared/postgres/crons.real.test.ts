// Scheduled jobs, read as the tenant from tables as each series of Odoo makes them (ir_cron.py of 14 to 19).
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { odooVersion, series, type OdooVersion } from '#shared/instance/versions.ts'
import { cloneDatabase } from '#shared/postgres/clone.ts'
import { cronJobs, type CronColumns } from '#shared/postgres/crons.ts'
import { postgres, type PostgresWorld } from '#test/world/postgres.ts'
import { never, PASSWORD, tenantOf } from './tenant.ts'

const log = 'create_uid integer, create_date timestamp, write_uid integer, write_date timestamp'
const common = `id serial PRIMARY KEY, ir_actions_server_id integer NOT NULL DEFAULT 1, cron_name varchar,
  user_id integer NOT NULL DEFAULT 1, active boolean, interval_number integer, interval_type varchar,
  nextcall timestamp NOT NULL, lastcall timestamp, priority integer, ${log}`
const counted = 'numbercall integer DEFAULT -1, doall boolean'
const failures = 'failure_count integer, first_failure_date timestamp'
const trigger = `CREATE TABLE ir_cron_trigger (id serial PRIMARY KEY, cron_id integer, call_at timestamp, ${log})`
const progress = `CREATE TABLE ir_cron_progress (id serial PRIMARY KEY, cron_id integer, remaining integer, done integer,
  deactivate boolean, timed_out_counter integer)`

/** What each series has beside `common`, and the tables beside `ir_cron`. */
const schemas: Readonly<Record<OdooVersion, readonly [columns: string, ...tables: string[]]>> = {
  14: [counted],
  15: [counted, trigger],
  16: [counted, trigger],
  17: [counted, trigger],
  18: [failures, trigger, progress],
  19: [failures, trigger, progress],
}

let world: PostgresWorld
beforeAll(async () => {
  world = await postgres()
})
afterAll(() => world.close())

/** A tenant whose tables are made anew by these statements, and its own login. */
async function tenant(...statements: readonly string[]) {
  const options = await tenantOf(world)
  await cloneDatabase(options)
  const login = world.tenant(options.role, PASSWORD)
  const drop = 'DROP TABLE ir_cron_trigger; DROP TABLE ir_cron'
  const run = (...more: readonly string[]) =>
    login.session({ database: options.database, signal: never }, async (session) => {
      await session.query('SET search_path = public')
      for (const statement of more) await session.query(statement)
    })
  await run(drop, ...statements)
  const read = (columns: CronColumns, timeoutMs = 10_000) =>
    login.session({ database: options.database, signal: never, timeoutMs }, (session) => cronJobs(session, columns))
  return { ...options, run, read }
}

const tablesOf = ([columns, ...others]: readonly [string, ...string[]]) => [
  `CREATE TABLE ir_cron (${common}, ${columns})`,
  ...others,
]

describe.each(odooVersion.options)('scheduled jobs of Odoo %s', (version) => {
  const { crons: columns } = series[version]

  it('come with name, XML id and the moment they are due, the next one first; those that are off do not', async () => {
    const { run, read } = await tenant(...tablesOf(schemas[version]))
    await run(
      `INSERT INTO ir_cron (id, cron_name, active, nextcall) VALUES
        (1, 'Mail: Fetchmail Service', true, '2026-11-23 12:00:00'),
        (2, 'Base: Auto-vacuum', true, '2026-11-23 09:30:00.5'),
        (3, 'Switched off', false, '2026-11-23 01:00:00'), (4, NULL, true, '2099-01-01'), (5, 'Never', true, 'infinity')`,
      `INSERT INTO ir_model_data (module, name, model, res_id) VALUES
        ('mail', 'ir_cron_mail_gateway_action', 'ir.cron', 1), ('mail', 'of another model', 'res.partner', 2)`,
    )
    const jobs = await read(columns)
    expect(jobs.map((job) => ({ ...job, dueAt: job.dueAt.toString() }))).toEqual([
      { id: 2, name: 'Base: Auto-vacuum', xmlId: undefined, dueAt: '2026-11-23T09:30:00.5Z' },
      {
        id: 1,
        name: 'Mail: Fetchmail Service',
        xmlId: 'mail.ir_cron_mail_gateway_action',
        dueAt: '2026-11-23T12:00:00Z',
      },
      { id: 4, name: '', xmlId: undefined, dueAt: '2099-01-01T00:00:00Z' },
    ])
  })

  it.skipIf(!columns.triggers)('are due earlier when another job has asked for them (14 has no triggers)', async () => {
    const { run, read } = await tenant(...tablesOf(schemas[version]))
    await run(
      `INSERT INTO ir_cron (id, cron_name, active, nextcall) VALUES (1, 'A', true, '2026-11-24'), (2, 'B', true, '2026-11-23')`,
      `INSERT INTO ir_cron_trigger (cron_id, call_at) VALUES (1, '2026-11-22 08:00'), (1, '2026-11-22 07:00'), (2, '2027-01-01')`,
    )
    const jobs = await read(columns)
    expect(jobs.map(({ id, dueAt }) => [id, dueAt.toString()])).toEqual([
      [1, '2026-11-22T07:00:00Z'],
      [2, '2026-11-23T00:00:00Z'],
    ])
  })

  it.skipIf(!columns.numbercall)(
    'do not come when their calls are used up (from 18 on nothing counts them)',
    async () => {
      const { run, read } = await tenant(...tablesOf(schemas[version]))
      await run(
        `INSERT INTO ir_cron (id, cron_name, active, nextcall, numbercall) VALUES
        (1, 'Used up', true, '2026-11-23', 0), (2, 'Twice more', true, '2026-11-23', 2), (3, 'For ever', true, '2026-11-23', -1)`,
      )
      expect((await read(columns)).map(({ id }) => id)).toEqual([2, 3])
    },
  )
})

describe('scheduled jobs of a tenant that means harm', () => {
  const view = (body: string) => [
    `CREATE FUNCTION trap() RETURNS varchar LANGUAGE plpgsql AS $$ BEGIN ${body} END $$`,
    `CREATE VIEW ir_cron AS SELECT 1 AS id, trap() AS cron_name, true AS active, timestamp '2026-11-23' AS nextcall`,
    trigger,
  ]

  it('are read with its own rights alone: what it puts in the way of the reader runs as the tenant', async () => {
    const { role, read } = await tenant(
      ...view(`RETURN session_user || ' ' || current_user || ' ' || pg_has_role('platxa', 'MEMBER')::text;`),
    )
    expect(await read(series[19].crons)).toMatchObject([{ name: `${role} ${role} false` }])
  })

  it('cannot hold the reader up for longer than it is ready to wait', async () => {
    const { read } = await tenant(...view('PERFORM pg_sleep(60); RETURN 1;'))
    await expect(read(series[19].crons, 300)).rejects.toMatchObject({ sqlstate: '57014' })
  })

  it('of another type than Odoo writes are an error, and no job', async () => {
    const { read } = await tenant(
      `CREATE TABLE ir_cron (id bigint, cron_name varchar, active boolean, nextcall timestamp)`,
      trigger,
      `INSERT INTO ir_cron VALUES (1, 'A', true, '2026-11-23')`,
    )
    await expect(read(series[19].crons)).rejects.toThrow(/expected number/)
  })
})
