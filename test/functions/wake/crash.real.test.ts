// A replica that ends right after each of its writes in turn: it has written once and said why, or not. Whoever asks again
// meets an instance that is awake, started once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import { mortal } from '#test/world/crash.ts'
import { postgres } from '#test/world/postgres.ts'
import { ask, callOf, until } from './client.ts'
import { startReplica, startWorld, type Instance, type Replica } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

async function wish({ wake }: Replica, { name }: Instance): Promise<number> {
  await until(() => wake.rooms.named(name) !== undefined)
  const data = { name, trigger: 'manual' as const }
  const event = makeEvent({ type: 'io.platxa.instance.wake.requested.v1', source: '//test', id: `wake-${name}`, data })
  const { headers, body } = encodeEvent(event)
  return (await wake.control.request('/', { method: 'POST', headers, body: body ?? null })).status
}

describe('a wake replica that ends right after a write', () => {
  it.each([
    [1, 'the scale'],
    [2, 'the first of its two words'],
    [3, 'the second'],
  ])('number %i, %s, leaves an instance that the same event finds awake or on its way', async (writes) => {
    const { admin } = await postgres()
    const process = mortal({ kubernetes: world.kubernetes, admin }, writes)
    const instance = await world.instance()
    const first = await startReplica(process.kubernetes)
    expect(await wish(first, instance)).toBe(204)
    await until(() => process.writes.length === writes)
    expect(process.writes[0]).toBe(`scale odoo-${instance.name} to 1`)
    await first.stop()

    const second = await startReplica(world.kubernetes)
    expect(await wish(second, instance)).toBe(204)
    const call = callOf(second, instance)
    expect((await ask(call)).status).toBe(200)
    expect((await instance.read()).spec?.replicas).toBe(1)
    expect(instance.odoo.boots).toBe(1)
    expect(await second.metric('platxa_wake_patches_total')).toBe(0)
  })
})
