import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { layoutOf } from '#local/world/layout.ts'
import { AlreadyRuns, claim, endLeftovers, publishWorld, readWorld, runner, untilGone } from '#local/world/running.ts'

async function place() {
  const path = await mkdtemp(join(tmpdir(), 'world-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return layoutOf({ PLATXA_STATE_DIR: join(path, 'state') })
}

const world = {
  console: 'http://localhost:8080',
  broker: 'http://127.0.0.1:8081/platxa/default',
  kubeconfig: '/k',
  postgres: 'postgres://',
  instanceUrl: 'http://{name}.localhost:8080',
  wakeMetrics: [],
  pids: { world: 1 },
}

describe('one world per folder', () => {
  it('is claimed once, and free again afterwards', async () => {
    const layout = await place()
    const release = await claim(layout)
    expect(await runner(layout)).toMatchObject({ pid: process.pid })
    await expect(claim(layout)).rejects.toThrow(AlreadyRuns)
    await release()
    expect(await runner(layout)).toBeUndefined()
    await (
      await claim(layout)
    )()
  })

  it('is taken over from a process that is gone, with what it had published', async () => {
    const layout = await place()
    const release = await claim(layout)
    await publishWorld(layout, world)
    await writeFile(layout.lockFile, JSON.stringify({ pid: process.pid, since: 'another time' }))
    expect(await runner(layout)).toBeUndefined()
    const again = await claim(layout)
    expect(await readWorld(layout)).toBeUndefined()
    await again()
    await release()
  })

  it('is published whole, for its owner alone, and forgotten at the end', async () => {
    const layout = await place()
    const release = await claim(layout)
    await publishWorld(layout, world)
    expect(await readWorld(layout)).toEqual(world)
    expect((await stat(layout.worldFile)).mode & 0o777).toBe(0o600)
    await release()
    await expect(readFile(layout.worldFile)).rejects.toThrow('ENOENT')
  })

  it('that was killed leaves processes that are found and ended, and nobody else is', async () => {
    const layout = await place()
    const child = spawn('sleep', ['60'])
    const ended = new Promise((done) => child.once('exit', (_, signal) => done(signal)))
    await claim(layout)
    await publishWorld(layout, { ...world, pids: { etcd: child.pid ?? 0 } })
    const noted = JSON.parse(await readFile(layout.processFile, 'utf8')) as object
    await writeFile(layout.processFile, JSON.stringify({ ...noted, me: { pid: process.pid, since: 'another time' } }))
    expect(await endLeftovers(layout)).toEqual(['etcd'])
    expect(await ended).toBe('SIGINT')
    expect(await endLeftovers(layout)).toEqual([])
  })

  it('is gone when its process has ended', async () => {
    const layout = await place()
    const child = spawn('sleep', ['0.2'])
    await claim(layout)
    const since = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(' ')[21] ?? ''
    const owner = { pid: child.pid ?? 0, since }
    expect(await untilGone(owner, 50)).toBe(false)
    expect(await untilGone(owner, 2000)).toBe(true)
  })
})
