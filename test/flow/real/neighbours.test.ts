// Two tenants, each with a real Odoo, on one PostgreSQL: what the one can learn of the other.
import type { Secret } from 'kubernetes-types/core/v1.js'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namespaceOf, objectNames } from '#shared/instance/names.ts'
import { ask } from '../ask.ts'
import { type Instance, SLOW } from './instance.ts'
import { noOdoo } from './obtainable.ts'
import { type RealWorld, realWorld } from './world.ts'

describe.skipIf(noOdoo !== undefined)(`a real Odoo beside another one${noOdoo ?? ''}`, () => {
  let real: RealWorld
  let demo: Instance
  let shop: Instance
  beforeAll(async () => {
    real = await realWorld('10m')
    ;({ demo, shop } = real)
  })
  afterAll(() => real?.[Symbol.asyncDispose]())

  const rpc = async (whom: Instance, service: string, method: string, args: readonly unknown[]): Promise<string> => {
    const json = { jsonrpc: '2.0', method: 'call', params: { service, method, args } }
    return (await ask(whom.url('/jsonrpc'), { method: 'POST', json })).body
  }

  it('is not let in by the other one, whoever asks with whatever password', async () => {
    const asked = [shop.database, 2, shop.password, 'res.partner', 'search_count', [[]]]
    const login = [shop.database, shop.login, shop.password]
    expect(JSON.parse(await rpc(shop, 'object', 'execute_kw', asked))).toHaveProperty('result', expect.any(Number))
    expect(JSON.parse(await rpc(shop, 'common', 'login', login))).toHaveProperty('result', expect.any(Number))
    expect(JSON.parse(await rpc(demo, 'object', 'execute_kw', asked))).toHaveProperty('error')
    expect(JSON.parse(await rpc(demo, 'common', 'login', login))).not.toHaveProperty('result', expect.any(Number))
  })

  it('is not named by the other one, in a list or in an error', async () => {
    expect(await rpc(demo, 'db', 'list', [])).not.toContain(shop.database)
    const selector = await ask(demo.url('/web/database/selector'))
    expect(selector.body).not.toContain(shop.database)
  })

  it("is not opened by PostgreSQL for the other one's role", async () => {
    const login = { user: demo.database, password: await passwordOf('demo') }
    const { hostname: host, port } = new URL((await real.world.file()).postgres)
    const enter = (database: string): Promise<void> =>
      new Client({ ...login, host, port: Number(port), database }).connect().then(() => undefined)
    await expect(enter(shop.database)).rejects.toThrow(/permission denied/)
    await expect(enter('postgres')).rejects.toThrow(/permission denied/)
    await expect(enter('template_odoo_19')).rejects.toThrow(/not currently accepting connections/)
  })

  it('is not heard by the other one when it notifies, though both believe to be in a database named postgres', async () => {
    await demo.call('res.partner', 'search_count', [[]])
    const login = { user: demo.database, password: await passwordOf('demo') }
    const listener = new Client({ ...login, host: await addressOf(demo), port: 6432, database: 'postgres' })
    const heard: string[] = []
    listener.on('error', () => {})
    listener.on('notification', ({ payload = '' }) => heard.push(payload))
    await listener.connect()
    await listener.query('LISTEN imbus')
    await shop.say('for the shop alone')
    await demo.say('for the demo alone')
    await expect.poll(() => heard.length, SLOW).toBeGreaterThan(0)
    expect(heard.join(' ')).not.toContain(shop.database)
    expect(heard.join(' ')).toContain(demo.database)
    await listener.end()
  })

  const passwordOf = async (name: string): Promise<string> => {
    const ref = { apiVersion: 'v1', kind: 'Secret', namespace: namespaceOf(name), name: objectNames.secret }
    const kubernetes = await real.world.kubernetes()
    const found = await kubernetes.get<Secret>(ref, { signal: AbortSignal.timeout(10_000) })
    return Buffer.from(found?.data?.['PGPASSWORD'] ?? '', 'base64').toString()
  }
  const addressOf = async ({ name, pods }: Instance): Promise<string> => {
    for (const { status } of await pods()) if (status?.podIP !== undefined) return status.podIP
    throw new Error(`${name} has no pod`)
  }
})
