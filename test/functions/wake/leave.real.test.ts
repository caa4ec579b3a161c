// A replica as its own process: it leaves while it holds requests, politely or not.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ask, callOf, gate, until } from './client.ts'
import { health, main, startProcess } from './process.ts'
import { startReplica, startWorld, type Instance } from './world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** It starts no sooner than it is told to. */
async function knownSleeper(controlPort: number): Promise<Instance & { start(): void }> {
  const instance = await world.instance()
  const start = gate()
  instance.odoo.beforeStart = start.opened
  await until(async () => (await fetch(`http://127.0.0.1:${controlPort}/instances/${instance.name}`)).ok)
  return { ...instance, start: start.open }
}

describe('a replica that is asked to leave while it holds requests', () => {
  it('is not ready at once, still takes requests for a moment, serves all it holds, and leaves with 0', async () => {
    const replica = await startProcess({ DRAIN_DELAY: '3s' })
    const instance = await knownSleeper(replica.controlPort)
    const held = [1, 2, 3].map(() => ask(callOf(replica, instance)))
    const tab = new WebSocket(`ws://127.0.0.1:${replica.port}/websocket`, { headers: { host: instance.host } })
    const closed = once(tab, 'close')
    await once(tab, 'open')
    replica.child.kill('SIGTERM')
    await until(async () => (await health(replica.port)) === 503)
    const late = ask(callOf(replica, instance))
    instance.start()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await late).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect([1012, 4002]).toContain((await closed)[0])
    expect(await replica.exited).toEqual([0, null])
    expect(instance.odoo.boots).toBe(1)
  })

  it('can be asked by sleep for as long as it holds anything', async () => {
    const replica = await startProcess()
    const instance = await knownSleeper(replica.controlPort)
    const held = ask(callOf(replica, instance))
    await until(async () => (await instance.read()).spec?.replicas === 1)
    replica.child.kill('SIGTERM')
    await sleep(700)
    const activity = await (await fetch(`http://127.0.0.1:${replica.controlPort}/activity`)).json()
    expect(activity).toMatchObject({ instances: { [instance.name]: { inFlight: 1 } } })
    instance.start()
    expect((await held).status).toBe(200)
    await replica.exited
  })
})

describe('a replica that is killed while it holds requests', () => {
  it('loses its clients, who find another replica; the instance is woken once', async () => {
    const other = await startReplica(world.kubernetes)
    const replica = await startProcess()
    const instance = await knownSleeper(replica.controlPort)
    const held = [1, 2].map(() => ask(callOf(replica, instance)).catch((error: Error) => error))
    await until(async () => (await instance.read()).spec?.replicas === 1)
    replica.child.kill('SIGKILL')
    expect((await Promise.all(held)).every((end) => end instanceof Error)).toBe(true)
    await until(() => other.wake.rooms.named(instance.name)?.room.world.replicas === 1)
    instance.start()
    const again = await Promise.all([1, 2].map(() => ask(callOf(other, instance))))
    expect(again.map(({ status }) => status)).toEqual([200, 200])
    expect(instance.odoo.boots).toBe(1)
    expect(instance.odoo.got).toHaveLength(2)
    expect(await other.metric('platxa_wake_patches_total')).toBe(0)
  })
})

describe('a replica that cannot start', () => {
  it('says every fault of its environment in one line and leaves with 1', async () => {
    const child = spawn(process.execPath, [main], {
      env: { PATH: process.env['PATH'], HOLD_TIMEOUT: 'soon', TRUSTED_PROXIES: 'everybody' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: string[] = []
    createInterface(child.stdout).on('line', (line) => lines.push(line))
    expect(await once(child, 'exit')).toEqual([1, null])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/HOLD_TIMEOUT must be a duration.*TRUSTED_PROXIES must be a list of networks/)
  })
})
