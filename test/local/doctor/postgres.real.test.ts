// The checks of PostgreSQL on a real server of its own: as the platform's role, and as whoever should not be it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Check, Finding, Patient } from '#local/doctor/finding.ts'
import { patientOf } from '#local/doctor/patient.ts'
import { postgresServer, templates } from '#local/doctor/postgres.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import { cluster } from '#test/world/cluster.ts'
import { ownPostgres, type OwnPostgres, TEMPLATE } from '#test/world/postgres.ts'

const signal = () => AbortSignal.timeout(60_000)
const now = () => Temporal.Now.instant()

let postgres: OwnPostgres
beforeAll(async () => void (postgres = await ownPostgres()), 300_000)
afterAll(() => postgres.close())

async function complaints(check: Check, as: Admin, changes: Partial<Patient> = {}): Promise<readonly string[]> {
  const patient = await patientOf({ kubernetes: await cluster(), postgresUrl: undefined, now, signal: signal() })
  const findings = await check.look({ ...patient, postgres: as, ...changes })
  expect(findings.length).toBeGreaterThan(0)
  const complained = findings.filter(({ state }: Finding) => state !== 'good')
  for (const { mend } of complained) expect(mend).toBeTruthy()
  return complained.map(({ says }) => says)
}

const run = (text: string): Promise<unknown> =>
  postgres.root.session({ signal: signal() }, (session) => session.query(text))

describe('PostgreSQL', () => {
  it('is as the functions need it (an older one is looked at where the machine has it)', async () => {
    expect(await complaints(postgresServer, postgres.admin)).toEqual([])
  })

  it('is not used by a superuser', async () => {
    expect(await complaints(postgresServer, postgres.root)).toEqual([expect.stringContaining('is a superuser')])
  })

  it('lets its role make what instances need, and nobody else into what is everybody’s', async () => {
    await run(`CREATE ROLE weak LOGIN PASSWORD 'weak'`)
    await run('GRANT CONNECT ON DATABASE postgres TO PUBLIC')
    await run('GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_lock(bigint) TO PUBLIC')
    expect(await complaints(postgresServer, postgres.tenant('weak', 'weak'))).toEqual([
      expect.stringContaining('may not create databases'),
      expect.stringContaining('may not create roles'),
      expect.stringContaining('may not grant CONNECT'),
      expect.stringContaining('hear other tenants'),
      expect.stringContaining('platform’s locks'),
    ])
    await run('REVOKE CONNECT ON DATABASE postgres FROM PUBLIC')
    await run('REVOKE EXECUTE ON FUNCTION pg_catalog.pg_advisory_lock(bigint) FROM PUBLIC')
  })

  it('has the time that we have', async () => {
    const hourAgo = () => Temporal.Now.instant().subtract({ hours: 1 })
    expect(await complaints(postgresServer, postgres.admin, { now: hourAgo })).toEqual([
      expect.stringContaining('clock of PostgreSQL'),
    ])
  })

  it('has templates that are frozen', async () => {
    expect(await complaints(templates, postgres.admin)).toEqual([])
    await run(`ALTER DATABASE ${TEMPLATE} WITH ALLOW_CONNECTIONS true`)
    expect(await complaints(templates, postgres.admin)).toEqual([expect.stringContaining(`${TEMPLATE} is not frozen`)])
    await run(`ALTER DATABASE ${TEMPLATE} RENAME TO put_away`)
    expect(await complaints(templates, postgres.admin)).toEqual([expect.stringContaining('no instance can be made')])
    await run(`ALTER DATABASE put_away RENAME TO ${TEMPLATE}`)
    await run(`ALTER DATABASE ${TEMPLATE} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
    expect(await complaints(templates, postgres.admin)).toEqual([])
  })
})
