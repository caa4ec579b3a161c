import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectPostgres } from '#shared/postgres/connect.ts'
import { PostgresUnavailable } from '#shared/postgres/errors.ts'
import { holdInstance } from '#shared/postgres/lock.ts'
import { freshName, type OwnPostgres, ownPostgres } from '#test/world/postgres.ts'
import { never, rows } from './tenant.ts'

describe('a session with PostgreSQL', () => {
  let world: OwnPostgres
  beforeAll(async () => {
    world = await ownPostgres()
  })
  afterAll(() => world.close())
  const slow = freshName('slow_')
  const running = () =>
    rows(world.root, `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1`, [`%${slow}`])

  it('cancels the running statement in the server when its signal ends, and says why', async () => {
    const ending = new AbortController()
    const statement = world.admin.session({ signal: ending.signal }, (session) =>
      session.query(`SELECT pg_sleep(60) -- ${slow}`),
    )
    const outcome = statement.catch((error: unknown) => error)
    await expect.poll(running).toHaveLength(1)
    const started = performance.now()
    ending.abort(new Error('the client hung up'))
    expect(await outcome).toMatchObject({ message: 'the client hung up' })
    expect(performance.now() - started).toBeLessThan(30_000)
    await expect.poll(running).toHaveLength(0)
  })

  it('dials nobody when its signal has ended before', async () => {
    const session = world.admin.session({ signal: AbortSignal.abort(new Error('too late')) }, async () => 'never')
    await expect(session).rejects.toThrow('too late')
  })

  it('limits one statement', async () => {
    const statement = world.admin.session({ signal: never, timeoutMs: 50 }, (session) =>
      session.query('SELECT pg_sleep(60)'),
    )
    await expect(statement).rejects.toMatchObject({ name: 'PostgresUnavailable', sqlstate: '57014' })
  })

  it('is unavailable, not wrong, where nobody listens', async () => {
    const nobody = connectPostgres({ ...world.admin.settings, port: 1 })
    const refused = rows(nobody, 'SELECT 1')
    await expect(refused).rejects.toThrow(PostgresUnavailable)
    await expect(refused).rejects.toThrow(/^PostgreSQL at 127\.0\.0\.1:1: connect ECONNREFUSED/)
  })

  it('does without TLS where that is merely preferred, and not where it is required', async () => {
    const preferring = connectPostgres({ ...world.admin.settings, sslmode: 'prefer' })
    expect(await rows(preferring, 'SELECT 1 AS works')).toEqual([{ works: 1 }])
    const requiring = connectPostgres({ ...world.admin.settings, sslmode: 'require' })
    await expect(rows(requiring, 'SELECT 1')).rejects.toThrow(/does not support SSL/)
  })

  it('finds no function of a tenant by a name without a schema', async () => {
    expect(await rows(world.admin, 'SHOW search_path')).toEqual([{ search_path: 'pg_catalog,pg_temp' }])
  })

  it('lets one event of an instance in at a time, and those of another meanwhile', async () => {
    const order: string[] = []
    const event = async (instance: string, label: string, work = async (): Promise<void> => undefined): Promise<void> =>
      holdInstance(world.admin, instance, never, async () => {
        order.push(`${label} in`)
        await work()
        order.push(`${label} out`)
      })
    await event('shop', 'first', async () => {
      const second = event('shop', 'second')
      await event('demo', 'other')
      await sleep(150) // in which the second would have come in
      void second.then(() => order.push('done'))
    })
    await expect.poll(() => order.at(-1)).toBe('done')
    expect(order).toEqual(['first in', 'other in', 'other out', 'first out', 'second in', 'second out', 'done'])
  })

  it('ends what runs under a lock when the lock is lost with its connection', async () => {
    const holding = holdInstance(world.admin, 'lost', never, async (signal) => {
      await rows(world.root, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'`)
      await sleep(10_000, undefined, { signal })
    })
    await expect(holding).rejects.toThrow(/was lost|aborted|terminat/)
  })

  it('is unavailable while the server is down and works again when it is back', async () => {
    await world.stop()
    await expect(rows(world.admin, 'SELECT 1')).rejects.toThrow(PostgresUnavailable)
    await world.restart()
    expect(await rows(world.admin, 'SELECT 1 AS works')).toEqual([{ works: 1 }])
  })
})
