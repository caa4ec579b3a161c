// What can happen to the front door while people wait behind it, on a whole machine.
import { readdir, readFile } from 'node:fs/promises'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, ask } from './ask.ts'
import { type LocalWorld, localWorld, replicasOf } from './local-world.ts'

const SLOW = { timeout: 90_000, interval: 250 }
const wakePods = { apiVersion: 'v1', kind: 'Pod', namespace: 'traefik-system' }

describe('the front door under faults', () => {
  let world: LocalWorld
  beforeAll(async () => {
    world = await localWorld({ STANDIN_START_SECONDS: '8' })
    expect(await world.start('--idle-timeout', '8s')).toMatchObject({ code: 0 })
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  const readyReplicas = async (): Promise<readonly string[]> => {
    const names: string[] = []
    const options = { labelSelector: 'app.kubernetes.io/name=wake', signal: AbortSignal.timeout(10_000) }
    for await (const { metadata, status } of (await world.kubernetes()).list<Pod>(wakePods, options)) {
      const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
      if (ready && metadata?.deletionTimestamp === undefined) names.push(metadata?.name ?? '')
    }
    return names
  }
  const twoReplicas = async (): Promise<void> => {
    await expect.poll(async () => (await readyReplicas()).length, SLOW).toBe(2)
  }
  const asleep = async (): Promise<void> => {
    await expect.poll(async () => replicasOf(await world.kubernetes(), 'demo'), SLOW).toBe(0)
  }
  /** The door takes turns, so half of them wait on each replica. */
  const sixHeld = async (): Promise<Promise<Answer | Error>[]> => {
    const params = { service: 'common', method: 'version', args: [] }
    const call = (): Promise<Answer | Error> =>
      ask(`http://demo.localhost:${world.port}/jsonrpc`, { method: 'POST', json: { method: 'call', params } }).catch(
        (error: Error) => error,
      )
    const held = [call(), call(), call(), call(), call(), call()]
    await new Promise((done) => setTimeout(done, 1000))
    return held
  }

  it('answers everybody who is held when a replica is asked to end', async () => {
    await twoReplicas()
    await asleep()
    const held = await sixHeld()
    const [name = ''] = await readyReplicas()
    await (await world.kubernetes()).delete({ ...wakePods, name }, { signal: AbortSignal.timeout(10_000) })
    const answers = await Promise.all(held)
    expect(answers).toMatchObject(answers.map(() => ({ status: 200 })))
  })

  it.skipIf(process.platform !== 'linux')(
    'loses of those held only who waited on a replica that was killed, and these are answered when they ask again',
    async () => {
      await twoReplicas()
      await asleep()
      const held = await sixHeld()
      const [name = ''] = await readyReplicas()
      process.kill(await processOf(name), 'SIGKILL')
      const answers = await Promise.all(held)
      const answered = answers.filter((answer) => !(answer instanceof Error))
      expect(answered).toHaveLength(3)
      expect(answered).toMatchObject(answered.map(() => ({ status: 200 })))
      const again = await ask(`http://demo.localhost:${world.port}/web/login`)
      expect(again.status).toBe(200)
    },
  )

  it('comes back by itself, and instances fall asleep again', async () => {
    await twoReplicas()
    await asleep()
  })
})

/** The process that runs for a pod: the one with this name in its environment. */
async function processOf(pod: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (environment.split('\0').includes(`POD_NAME=${pod}`)) return Number(pid)
  }
  throw new Error(`no process runs for ${pod}`)
}
