// Real processes: what is started is ended, with all that it started, however the node goes.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { type Keeper, startKeeper } from '#local/node/keeper.ts'
import { claimState, type Notes } from '#local/node/notes.ts'
import { Launcher, type Running } from '#local/node/process.ts'

import { isAlive } from './alive.ts'

let stateDir: string
let keeper: Keeper
let notes: Notes
let launcher: Launcher
const started: Running[] = []
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'process-'))
  keeper = startKeeper()
  notes = await claimState(stateDir)
  launcher = new Launcher(keeper, notes)
})
afterEach(async () => {
  for (const process of started.splice(0)) process.kill()
  await keeper.close()
  await rm(stateDir, { recursive: true })
})

function launch(...args: string[]): Running {
  const program = { file: process.execPath, args: ['-e', ...args] }
  const running = launcher.launch({ program, env: { A: '1' }, cwd: stateDir, logFile: join(stateDir, 'log') })
  started.push(running)
  return running
}
const log = (): Promise<string> => readFile(join(stateDir, 'log'), 'utf8')
const noted = (): Promise<string[]> => readdir(join(stateDir, 'pids'))

describe('a process', () => {
  it('has its own environment and folder, its output in the log, and nothing to read', async () => {
    const { exited } = launch(`console.log(process.env.A, process.cwd() === require('node:fs').realpathSync('.'))
      console.error(require('node:fs').readFileSync(0).length)`)
    expect((await exited).code).toBe(0)
    expect(await log()).toBe('1 true\n0\n')
  })

  it('is given its arguments as they are', async () => {
    await launch('console.log(process.argv.slice(1))', 'a b', '$HOME', `"'`).exited
    expect(await log()).toBe(`[ 'a b', '$HOME', \`"'\` ]\n`)
  })

  it.each([
    ['an exit code', 'process.exit(7)', { code: 7 }],
    ['a signal, as a shell tells it', "process.kill(process.pid, 'SIGKILL')", { code: 137, signal: 9 }],
  ])('tells its end by %s', async (_what, source, expected) => {
    expect(await launch(source).exited).toMatchObject(expected)
  })

  it('that cannot be started has ended with 127 and says why in the log', async () => {
    const program = { file: join(stateDir, 'absent'), args: [] }
    const { exited } = launcher.launch({ program, env: {}, cwd: stateDir, logFile: join(stateDir, 'log') })
    expect((await exited).code).toBe(127)
    expect(await log()).toContain('absent')
  })

  it('is noted for as long as it runs', async () => {
    const running = launch('setInterval(() => {}, 1000)')
    expect(await noted()).toEqual([String(running.pid)])
    running.kill()
    await running.exited
    expect(await noted()).toEqual([])
  })

  it('takes its children with it', async () => {
    const running = launch(
      `const { pid } = require('node:child_process').spawn('sleep', ['100']); console.log(pid); setInterval(() => {}, 100)`,
    )
    await until(async () => (await log()).endsWith('\n'))
    const child = Number(await log())
    running.signal('SIGTERM')
    await running.exited
    await until(async () => !isAlive(child))
  })
})

describe('the next node', () => {
  it('ends what an earlier one left', async () => {
    const running = launch('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)')
    await claimState(stateDir)
    expect((await running.exited).signal).toBe(9)
  })

  it('leaves a process alone that only has the same number', async () => {
    const stranger = spawn('sleep', ['100'], { detached: true })
    const { pid = 0 } = stranger
    notes.add(pid)
    const file = join(stateDir, 'pids', String(pid))
    await writeFile(file, `${pid} another time`)
    await claimState(stateDir)
    expect(isAlive(pid)).toBe(true)
    expect(existsSync(file)).toBe(false)
    stranger.kill('SIGKILL')
  })
})

describe('the keeper', () => {
  it('that is ended itself is replaced by one that knows as much', async () => {
    const script = `
      const { startKeeper } = await import('#local/node/keeper.ts')
      const { spawn } = await import('node:child_process')
      const child = spawn('sleep', ['100'], { detached: true, stdio: 'ignore' })
      startKeeper().add(child.pid)
      console.log(child.pid)
      setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const kept = Number(
      await new Promise((done) => parent.stdout.once('data', (chunk: Buffer) => done(chunk.toString()))),
    )
    const keepers = (): number[] => childrenOf(parent.pid ?? 0, 'keeper.sh')
    const [first = 0] = keepers()
    process.kill(first, 'SIGKILL')
    await until(async () => keepers().some((pid) => pid !== first))
    parent.kill('SIGKILL')
    await until(async () => !isAlive(kept))
  })
})

function childrenOf(parent: number, word: string): number[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,args='])
    .toString()
    .split('\n')
    .filter((line) => Number(line.trim().split(/\s+/)[1]) === parent && line.includes(word))
    .map((line) => Number(line.trim().split(/\s+/)[0]))
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('it never came so')
    await sleep(20)
  }
}
