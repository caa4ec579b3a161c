import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

import { commandOf, endStale, run } from '#local/control-plane/processes.ts'

let folder: string
let notes: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'processes-'))
  notes = join(folder, 'processes')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
})

/** A program that runs these lines of JavaScript, with our folder in its command line. */
async function program(source: string): Promise<{ binary: string; args: string[] }> {
  const file = join(folder, 'program.mjs')
  await writeFile(file, source)
  return { binary: process.execPath, args: [file] }
}

async function start(source: string, graceMs?: number) {
  const running = await run({
    name: 'thing',
    ...(await program(source)),
    mark: folder,
    notes,
    logFile: join(folder, 'thing.log'),
    ...(graceMs === undefined ? {} : { graceMs }),
  })
  onTestFinished(() => running.kill())
  return running
}

const FOREVER = 'setInterval(() => {}, 1000); console.log("up")'
const STUBBORN = `process.on("SIGTERM", () => console.log("no")); ${FOREVER}`

describe('a process', () => {
  it('ends by stop, and its note with it', async () => {
    const running = await start(FOREVER)
    expect(await readdir(notes)).toEqual(['thing.json'])
    await running.stop()
    expect(await running.ended).toBe('SIGTERM')
    expect(commandOf(running.pid)).toBeUndefined()
    expect(await readdir(notes)).toEqual([])
  })

  it('that ignores the polite signal is killed', async () => {
    const running = await start(STUBBORN, 200)
    await expect.poll(() => running.lastLines(1)).toBe('up')
    await running.stop()
    expect(await running.ended).toBe('SIGKILL')
  })

  it('that ended by itself says how, and its last lines are kept', async () => {
    const running = await start('for (let i = 0; i < 5000; i++) console.error("line", i); process.exitCode = 3')
    expect(await running.ended).toBe('exit code 3')
    expect(await running.lastLines(2)).toBe('line 4998\nline 4999')
    await running.stop()
  })

  it('that cannot be started is named', async () => {
    const spec = {
      name: 'etcd',
      binary: join(folder, 'absent'),
      args: [],
      mark: folder,
      notes,
      logFile: join(folder, 'l'),
    }
    await expect(run(spec)).rejects.toThrow(/etcd cannot be started: .*ENOENT/)
  })

  it('begins its log anew and keeps the one before', async () => {
    for (const word of ['first', 'second']) await (await start(`console.log("${word}")`)).ended
    expect(await readFile(join(folder, 'thing.log'), 'utf8')).toBe('second\n')
    expect(await readFile(join(folder, 'thing.log.previous'), 'utf8')).toBe('first\n')
  })
})

describe('what a killed run left behind', () => {
  /** A run that is killed before it can stop what it started. */
  async function leftBehind(source: string): Promise<number> {
    const { binary, args } = await program(source)
    const spec = { name: 'thing', binary, args, mark: folder, notes, logFile: join(folder, 'thing.log') }
    const parent = join(folder, 'parent.ts')
    const module = join(import.meta.dirname, '../../../local/control-plane/processes.ts')
    await writeFile(
      parent,
      `import { run } from ${JSON.stringify(module)}
const { pid } = await run(${JSON.stringify(spec)})
console.log(pid)
setInterval(() => {}, 1000)`,
    )
    const child = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = await new Promise<number>((resolve) =>
      child.stdout.once('data', (text: Buffer) => resolve(Number(text))),
    )
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    return pid
  }

  it('is found and ended', async () => {
    const pid = await leftBehind(FOREVER)
    expect(commandOf(pid)).toContain(folder)
    expect(await endStale(notes)).toEqual(['thing'])
    expect(commandOf(pid) ?? '').toBe('')
    expect(await readdir(notes)).toEqual([])
  })

  it('is nobody else who has the same number by now', async () => {
    await leftBehind('process.exit()')
    const note = JSON.parse(await readFile(join(notes, 'thing.json'), 'utf8')) as object
    const stranger = spawn('sleep', ['60'])
    onTestFinished(() => void stranger.kill())
    await writeFile(join(notes, 'thing.json'), JSON.stringify({ ...note, pid: stranger.pid }))
    expect(await endStale(notes)).toEqual([])
    expect(commandOf(stranger.pid ?? 0)).toBe('sleep 60')
  })

  it('is not what a living run holds: that is an error that names it', async () => {
    const running = await start(FOREVER)
    await expect(endStale(notes)).rejects.toThrow(`is in use by process ${process.pid}`)
    expect(commandOf(running.pid)).toContain(folder)
    await running.stop()
  })

  it('may be a note that was cut off', async () => {
    const running = await start(FOREVER)
    await running.stop()
    await writeFile(join(notes, 'thing.json'), '{"pid":')
    expect(await endStale(notes)).toEqual([])
    expect(await readdir(notes)).toEqual([])
  })

  it('is nothing at all on the first start', async () => {
    expect(await endStale(join(folder, 'never'))).toEqual([])
  })
})

it('knows no command of a process that is not there', () => {
  expect(commandOf(2 ** 30)).toBeUndefined()
})
