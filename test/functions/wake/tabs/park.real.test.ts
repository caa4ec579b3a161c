// Open tabs of sleeping instances, as the frames and timings of odoo-lab.md show them.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { activity } from '#shared/wake/contract.ts'
import { ask, callOf, until } from '#test/functions/wake/client.ts'
import { startWorld, type Instance, type Replica } from '#test/functions/wake/world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

function open(replica: Replica, host: string, path = '/websocket?version=19.0-2'): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${replica.port}${path}`, { headers: { host } })
  socket.on('error', () => undefined)
  onTestFinished(() => socket.terminate())
  return socket
}

async function opened(replica: Replica, instance: Instance): Promise<WebSocket> {
  const socket = open(replica, instance.host)
  await once(socket, 'open')
  return socket
}

const subscribe = JSON.stringify({ event_name: 'subscribe', data: { channels: [], last: 12 } })
const presence = (inactivity: number): string =>
  JSON.stringify({ event_name: 'update_presence', data: { inactivity_period: inactivity, im_status_ids_by_model: {} } })

function usage(replica: Replica, { name }: Instance): { parked: number; sockets: number } | undefined {
  return replica.wake.rooms.named(name)?.usage ?? undefined
}

/** The bytes below the frames of a client that this test writes itself. */
function rawSocketOf(socket: WebSocket): Socket {
  return (socket as unknown as { readonly _socket: Socket })._socket
}

function maskedText(text: string): Buffer {
  const body = Buffer.from(text)
  return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body])
}

async function closeOf(socket: WebSocket): Promise<number> {
  const [code] = await once(socket, 'close')
  return code as number
}

describe('an open tab of a sleeping instance', () => {
  it('stays connected, is answered its pings, and wakes nobody', async () => {
    const { replica, instance } = await world.meet()
    const tab = await opened(replica, instance)
    tab.send(subscribe)
    tab.send(presence(654_289))
    tab.send(Buffer.from([0]))
    tab.ping()
    await once(tab, 'pong')
    await sleep(300)
    expect(tab.readyState).toBe(WebSocket.OPEN)
    expect(usage(replica, instance)?.parked).toBe(1)
    expect((await instance.read()).spec?.replicas).toBe(0)
    expect(await replica.metric('platxa_wake_parked_sockets')).toBe(1)
    tab.close(1001)
    await until(() => usage(replica, instance)?.parked === 0)
  })

  it('is told to come again when the instance wakes, by a code after which Odoo reconnects quietly', async () => {
    const { replica, instance } = await world.meet()
    const tab = await opened(replica, instance)
    const closed = closeOf(tab)
    await ask(callOf(replica, instance))
    expect(await closed).toBe(4002)
    const again = await opened(replica, instance)
    again.send(subscribe)
    const [answer] = await once(again, 'message')
    expect(String(answer)).toBe(`odoo heard ${subscribe}`)
    expect(usage(replica, instance)).toMatchObject({ parked: 0, sockets: 1 })
  })

  it('wakes the instance when it says that its human is back', async () => {
    const { replica, instance } = await world.meet()
    const tab = await opened(replica, instance)
    const closed = closeOf(tab)
    tab.send(presence(120))
    expect(await closed).toBe(4002)
    await until(
      async () =>
        (await instance.read()).metadata?.annotations?.['platxa.io/why']?.includes('came back to an open tab') ?? false,
    )
  })

  it('is asked whether it is still there, and forgotten when it is not', async () => {
    const { replica, instance } = await world.meet({ park: { pingMs: 150 } })
    const tab = await opened(replica, instance)
    const silent = open(replica, instance.host)
    await once(silent, 'open')
    silent.pause()
    await until(() => usage(replica, instance)?.parked === 1)
    expect(tab.readyState).toBe(WebSocket.OPEN)
  })

  it('is one of a bounded number', async () => {
    const { replica, instance } = await world.meet({ park: { perInstance: 2 } })
    await opened(replica, instance)
    await opened(replica, instance)
    const third = open(replica, instance.host)
    const [, response] = await once(third, 'unexpected-response')
    expect((response as { statusCode: number }).statusCode).toBe(503)
  })

  it('notices nothing when its instance falls asleep, and is called back when it wakes', async () => {
    const { replica, instance } = await world.meet()
    const call = callOf(replica, instance)
    await ask(call)
    const tab = await opened(replica, instance)
    tab.send(subscribe)
    await once(tab, 'message')
    expect(usage(replica, instance)).toMatchObject({ parked: 0, sockets: 1 })
    await instance.scale(0)
    await until(() => usage(replica, instance)?.parked === 1)
    expect(usage(replica, instance)?.sockets).toBe(0)
    tab.send(presence(700_000))
    tab.ping()
    await once(tab, 'pong')
    expect(tab.readyState).toBe(WebSocket.OPEN)
    expect((await instance.read()).spec?.replicas).toBe(0)
    const closed = closeOf(tab)
    await ask(call)
    expect(await closed).toBe(4002)
    expect(usage(replica, instance)?.parked).toBe(0)
  })

  it('loses no frame that it was just sending while its instance fell asleep', async () => {
    const { replica, instance } = await world.meet()
    await ask(callOf(replica, instance))
    const tab = await opened(replica, instance)
    const raw = rawSocketOf(tab)
    const frame = maskedText(presence(50))
    raw.write(frame.subarray(0, 9))
    await sleep(50)
    await instance.scale(0)
    await until(() => usage(replica, instance)?.parked === 1)
    raw.write(frame.subarray(9))
    await until(() => replica.wake.rooms.named(instance.name)?.room.life.is === 'awake')
  })

  it('hears a goodbye that has nothing to do with sleep', async () => {
    const { replica, instance } = await world.meet()
    await ask(callOf(replica, instance))
    const tab = await opened(replica, instance)
    const closed = closeOf(tab)
    await until(() => instance.odoo.sockets.size === 1)
    for (const socket of instance.odoo.sockets) socket.close(4002)
    expect(await closed).toBe(4002)
    expect(usage(replica, instance)).toMatchObject({ parked: 0, sockets: 0 })
  })

  it('says on its way when its human last moved', async () => {
    const { replica, instance } = await world.meet()
    await ask(callOf(replica, instance))
    const tab = await opened(replica, instance)
    tab.send(presence(40_000))
    await once(tab, 'message')
    const { instances } = activity.parse(await (await fetch(`http://127.0.0.1:${replica.controlPort}/activity`)).json())
    const seen = instances[instance.name]
    expect(seen).toMatchObject({ sockets: 1, parked: 0 })
    expect(seen?.humanIdleMs).toBeGreaterThanOrEqual(40_000)
    expect(seen?.humanIdleMs).toBeLessThan(50_000)
  })
})

describe('an upgrade that is nobody’s', () => {
  it('is refused in plain HTTP', async () => {
    const { replica, instance } = await world.meet()
    const statuses = await Promise.all(
      [open(replica, 'nobody.example.com'), open(replica, instance.host, '/iot')].map(async (socket) => {
        const [, response] = await once(socket, 'unexpected-response')
        return (response as { statusCode: number }).statusCode
      }),
    )
    expect(statuses).toEqual([404, 503])
  })
})
