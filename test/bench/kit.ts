import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kit, Started } from './figure.ts'

const TICKS_PER_SECOND = 100 // USER_HZ, the same on every Linux that runs Node
const PAGE = 4096

/** A kit, and the function that stops all it has started. */
export function createKit(means: {
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  readonly options: ReadonlyMap<string, number>
}): { kit: Kit; stop: () => Promise<void> } {
  const { signal, say, options } = means
  const dir = mkdtempSync(join(tmpdir(), 'bench-'))
  const running = new Set<Started>()

  const launch = (command: string, args: readonly string[]): [ChildProcess, Started, () => string] => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], signal })
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('error', () => undefined)
    const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const pid = child.pid ?? 0
    const started: Started = {
      pid,
      get said(): unknown {
        return JSON.parse(output.slice(0, output.indexOf('\n')))
      },
      cpu: () => sum(pid, cpuOf),
      memory: () => sum(pid, memoryOf),
      ended: async () => {
        await exited
        return output
      },
      stop: async () => {
        running.delete(started)
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
        await exited
        clearTimeout(timer)
      },
    }
    running.add(started)
    return [child, started, () => output]
  }

  const kit: Kit = {
    signal,
    dir,
    say,
    option: (name) => options.get(name),
    async node(file, ...args) {
      const [child, started, output] = launch(process.execPath, [fileURLToPath(file), ...args.map(String)])
      while (!output().includes('\n')) {
        if (child.exitCode !== null || child.pid === undefined)
          throw new Error(`${file.pathname} ended before it said anything`)
        await pause(10, signal)
      }
      return started
    },
    async program(command, args, port, host = '127.0.0.1') {
      const [child, started] = launch(command, args)
      if (port === undefined) return started
      while (!(await answers(port, host))) {
        if (child.exitCode !== null || child.pid === undefined) throw new Error(`${command} ended before it listened`)
        await pause(20, signal)
      }
      return started
    },
    find,
    freePort,
  }
  const stop = async (): Promise<void> => {
    await Promise.all([...running].map((started) => started.stop()))
    rmSync(dir, { recursive: true, force: true })
  }
  return { kit, stop }
}

function find(command: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return join(folder, command)
    } catch {
      // not in this one
    }
  }
  return undefined
}

/** Below those that the system gives to outgoing connections: one of these could have it before whom it is for. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().listen(port, '127.0.0.1')
    const free = await new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false))
    })
    await new Promise((resolve) => server.close(resolve))
    if (free) return port
  }
}

function answers(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise((resolve) => setTimeout(resolve, ms))
}

/** Over a process and its children. */
function sum(pid: number, of: (pid: number) => number): number {
  return of(pid) + childrenOf(pid).reduce((total, child) => total + sum(child, of), 0)
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

function cpuOf(pid: number): number {
  if (process.platform !== 'linux') return cpuByPs(pid)
  const fields = statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function memoryOf(pid: number): number {
  if (process.platform !== 'linux')
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) * 1024
  return Number(statOf(pid)[21]) * PAGE
}

/** The fields of /proc/{pid}/stat behind the name, which may hold anything. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** `[[dd-]hh:]mm:ss.cc` */
function cpuByPs(pid: number): number {
  const parts = execFileSync('ps', ['-o', 'time=', '-p', String(pid)])
    .toString()
    .trim()
    .split(/[-:]/)
    .map(Number)
  return parts.reduce((seconds, part) => seconds * 60 + part, 0)
}
