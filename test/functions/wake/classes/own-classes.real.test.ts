// CLASSES, from the environment to the door of a replica that is a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { activity } from '#shared/wake/contract.ts'
import { ask, click } from '#test/functions/wake/client.ts'
import { main, startProcess, type Process } from '#test/functions/wake/process.ts'
import { startWorld } from '#test/functions/wake/world.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

describe('rows of an operator', () => {
  it('decide at the door: what they call background wakes nobody and is no activity, what they call activity is', async () => {
    const instance = await world.instance()
    const CLASSES = '# our own\nB POST /dashboard/poll   # by a timer\nA GET /web/health\n'
    const replica = await startProcess({ CLASSES, DEPLOYMENT_LABEL: `app.kubernetes.io/instance=${instance.name}` })
    const call = (path: string, method = 'POST') =>
      ask({ port: replica.port, host: instance.host, method, path, headers: click })
    const replicas = async () => (await instance.read()).spec?.replicas

    await expect.poll(async () => (await call('/dashboard/poll')).status, { timeout: 60_000 }).toBe(503)
    expect(await replicas()).toBe(0)
    expect((await call('/web/health', 'GET')).status).toBe(200)
    expect(await replicas()).toBe(1)

    const usedAgo = async () => (await seenBy(replica)).instances[instance.name]?.idleMs ?? 0
    const before = await usedAgo()
    expect((await call('/dashboard/poll')).body).toBe('answer to POST /dashboard/poll')
    expect(await usedAgo()).toBeGreaterThanOrEqual(before)
  })

  it('that cannot be read keep the process from starting, each with its line', async () => {
    const env = { PATH: process.env['PATH'], CLASSES: 'B POST /fine\nB POST\nZ GET /x' }
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    expect(code).toBe(1)
    expect(said).toContain('CLASSES line 2: it needs a class, a method and a path')
    expect(said).toContain('CLASSES line 3: the class must be A, B, C')
  })
})

async function seenBy({ controlPort }: Process) {
  return activity.parse(await (await fetch(`http://127.0.0.1:${controlPort}/activity`)).json())
}
