// What a tab says of its human, from the frame on its socket to the decision of sleep.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { encodeEvent } from '#shared/events/emit.ts'
import { idleEvent } from '#test/functions/sleep/world.ts'
import { addresses } from '#test/world/addresses.ts'
import { testNamespace } from '#test/world/cluster.ts'
import { tenantlessSleep } from '#test/world/tenantless-sleep.ts'
import { createPod } from '#test/world/wake-replica.ts'
import { until } from '#test/functions/wake/client.ts'
import { startReplica, startWorld, type Instance } from '#test/functions/wake/world.ts'

const ADDRESS = addresses()()

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** An instance that nobody has asked for anything, a tab connected to it, and sleep, which looks at both. */
async function openTab() {
  const { kubernetes } = world
  const replica = await startReplica(kubernetes, {}, { host: ADDRESS, controlPort: 0 })
  const namespace = await testNamespace('wake')
  await createPod({ kubernetes, namespace, name: 'wake-1', address: ADDRESS })
  const instance = await world.instance()
  await until(() => replica.wake.rooms.named(instance.name) !== undefined)
  await instance.scale(1)
  await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'awake')
  const at = `ws://${ADDRESS}:${replica.port}/websocket?version=19.0-2`
  const tab = new WebSocket(at, { headers: { host: instance.host } })
  tab.on('error', () => undefined)
  onTestFinished(() => tab.terminate())
  await once(tab, 'open')
  const replicas = { namespace, port: replica.controlPort, controlTimeoutMs: 60_000 }
  const app = tenantlessSleep({ kubernetes, replicas, idleTimeoutMs: 1, fenceTtlMs: 60_000 })
  return {
    /** The instance has got it, so the replica has seen it pass. */
    moved: async (inactivityMs: number): Promise<void> => {
      const data = { inactivity_period: inactivityMs, im_status_ids_by_model: {} }
      const frame = JSON.stringify({ event_name: 'update_presence', data })
      tab.send(frame)
      const [echo] = (await once(tab, 'message')) as [Buffer]
      expect(echo.toString()).toBe(`odoo heard ${frame}`)
    },
    fallAsleep: async (timeoutSeconds: number) => {
      const { headers, body } = encodeEvent(await idle(instance, timeoutSeconds))
      const answer = await app.request('/', { method: 'POST', headers, body: body ?? null })
      return { type: answer.headers.get('ce-type'), data: (await answer.json()) as Record<string, unknown> }
    },
    replicas: async () => (await instance.read()).spec?.replicas,
  }
}

async function idle(instance: Instance, timeoutSeconds: number) {
  const event = idleEvent(instance.name, (await instance.read()).metadata?.uid ?? '')
  return { ...event, data: { ...event.data, timeoutSeconds } }
}

describe('the human at an open tab', () => {
  it('who has moved within the window keeps the instance awake, though the tab asks for nothing', async () => {
    const { moved, fallAsleep, replicas } = await openTab()
    await moved(2_000)
    const { type, data } = await fallAsleep(900)
    expect(type).toBe('io.platxa.instance.sleep.declined.v1')
    expect(data).toMatchObject({ veto: 'presence', detail: expect.stringMatching(/^somebody moved \d+ s ago$/) })
    expect(await replicas()).toBe(1)
  })

  it('who left an hour ago is no reason to stay awake, though the tab is connected', async () => {
    const { moved, fallAsleep, replicas } = await openTab()
    await moved(3_600_000)
    // Until the replica has watched for a second, and the Deployment's controllers have had their say.
    await expect
      .poll(async () => (await fallAsleep(1)).type, { timeout: 100_000, interval: 200 })
      .toBe('io.platxa.instance.slept.v1')
    expect(await replicas()).toBe(0)
  })
})
