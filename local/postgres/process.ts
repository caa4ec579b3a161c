/** The server process: started, asked whether it is still the one we mean, ended. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { User } from './user.ts'

const run = promisify(execFile)

/** How long a fast shutdown (SIGINT: sessions cut, then a checkpoint) may take before it becomes an immediate one. */
const FAST_STOP_MS = 10_000
const IMMEDIATE_STOP_MS = 5_000

/**
 * Starts a program of PostgreSQL. In a session of its own: Ctrl-C in the terminal must reach us first, who then end it in
 * order. English messages and UTC, whatever the person's own settings are.
 */
export function startProgram(
  program: string,
  args: readonly string[],
  options: { readonly user: User | undefined; readonly output: number | 'pipe' },
): ChildProcess {
  const { user, output } = options
  return spawn(program, args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output],
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    ...(user && { uid: user.uid, gid: user.gid }),
  })
}

/** Whether the process still runs. One that ended and that nobody collected (a container without an init) does not. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return (await statOf(pid))?.[0] !== 'Z'
}

/** Linux only. The fields after the process's name, which stands in brackets and may contain spaces: state first. */
async function statOf(pid: number): Promise<string[] | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return line?.slice(line.lastIndexOf(')') + 2).split(' ')
}

/** What tells this process from a later one with the same id. Undefined when there is no such process. */
export async function startOf(pid: number): Promise<string | undefined> {
  if (!(await isAlive(pid))) return undefined
  const startTime = (await statOf(pid))?.[19]
  if (startTime) return startTime
  const shown = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => undefined)
  return shown?.stdout.trim() || undefined
}

/** The server that still runs on this data directory, though whoever started it is gone. */
export async function leftover(data: string): Promise<number | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  if (!Number.isInteger(pid) || !(await isAlive(pid))) return undefined
  return (await commandOf(pid)).includes(data) ? pid : undefined
}

async function commandOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  if (line !== undefined) return line
  const shown = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined)
  return shown?.stdout ?? ''
}

/** Ends a server and returns when it is gone. */
export async function stopServer(pid: number): Promise<void> {
  for (const [signal, limitMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
  ] as const) {
    if (!send(pid, signal)) return
    if (await gone(pid, limitMs)) return
  }
  send(pid, 'SIGKILL')
  await gone(pid, IMMEDIATE_STOP_MS)
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

async function gone(pid: number, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs
  while (performance.now() < end) {
    if (!(await isAlive(pid))) return true
    await sleep(20)
  }
  return false
}
