// One process of the control plane: its log, its end, and the note on disk by which a later run finds what a killed
// one left behind.
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** etcd and the API server need about a second; whoever needs longer than this hangs. */
const TERM_GRACE_MS = 10_000
const LAST_LOG_BYTES = 16 * 1024

export interface Spawn {
  readonly name: string
  readonly binary: string
  readonly args: readonly string[]
  /** Occurs in `args`, and in those of nobody else: that is how we know the process as ours. */
  readonly mark: string
  /** Folder of the notes, `{name}.json`. */
  readonly notes: string
  /** Begun anew at each start; the one before is kept as `….previous`. */
  readonly logFile: string
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs?: number
}

export interface Running {
  readonly name: string
  readonly pid: number
  /** Resolves when the process has ended, with how. */
  readonly ended: Promise<string>
  lastLines(count: number): Promise<string>
  /** SIGTERM, and SIGKILL when that does not help. */
  stop(): Promise<void>
  /** For a parent that is about to exit and cannot wait. */
  kill(): void
}

interface Note {
  readonly pid: number
  readonly binary: string
  readonly mark: string
  readonly startedAt: number
  readonly owner: { readonly pid: number; readonly command: string }
}

export async function run(spec: Spawn): Promise<Running> {
  const { name, binary, args, mark, notes, logFile, graceMs = TERM_GRACE_MS } = spec
  await mkdir(notes, { recursive: true })
  await rename(logFile, `${logFile}.previous`).catch(() => undefined)
  const log = openSync(logFile, 'a', 0o600)
  // a session of its own: Ctrl-C in the terminal reaches only us, and we end the components in order
  const child = spawn(binary, args, { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal))
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${name} cannot be started: ${await ended}`)
  const noteFile = join(notes, `${name}.json`)
  const owner = { pid: process.pid, command: commandOf(process.pid) ?? '' }
  await writeFile(noteFile, JSON.stringify({ pid, binary, mark, startedAt: Date.now(), owner } satisfies Note))
  return {
    name,
    pid,
    ended,
    lastLines: (count) => lastLines(logFile, count),
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await ended
      clearTimeout(late)
      await rm(noteFile, { force: true })
    },
  }
}

/**
 * Ends what an earlier run, killed before it could clean up, left running, and gives the names of it. Throws when that
 * earlier run is still alive: two runs on one folder would ruin each other.
 */
export async function endStale(notes: string): Promise<readonly string[]> {
  const found = await readNotes(notes)
  const ended: string[] = []
  // the last started first: an API server that has lost its etcd does not end by itself
  for (const { file, note } of found.sort((a, b) => (b.note?.startedAt ?? 0) - (a.note?.startedAt ?? 0))) {
    if (note !== undefined && isOurs(note)) {
      if (isOwned(note)) throw new Error(`${note.mark} is in use by process ${note.owner.pid}: ${note.owner.command}`)
      await end(note)
      ended.push(file.replace(/\.json$/, ''))
    }
    await rm(join(notes, file), { force: true })
  }
  return ended
}

async function readNotes(notes: string): Promise<{ file: string; note: Note | undefined }[]> {
  const files = await readdir(notes).catch(() => [])
  return await Promise.all(
    files.map(async (file) => ({ file, note: parseNote(await readFile(join(notes, file), 'utf8')) })),
  )
}

async function end(note: Note): Promise<void> {
  signal(note.pid, 'SIGTERM')
  for (let waited = 0; waited < TERM_GRACE_MS && isOurs(note); waited += 50) await sleep(50)
  if (isOurs(note)) signal(note.pid, 'SIGKILL')
  while (isOurs(note)) await sleep(20)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // it ended between the look and the signal
  }
}

function parseNote(text: string): Note | undefined {
  try {
    return JSON.parse(text) as Note
  } catch {
    return undefined // written by a run that was killed in the middle of it
  }
}

/** The number may belong to somebody else by now, so program and mark must be in its command line too. */
function isOurs({ pid, binary, mark }: Note): boolean {
  const command = commandOf(pid)
  return command !== undefined && command.includes(binary) && command.includes(mark)
}

function isOwned({ owner }: Note): boolean {
  return owner.command !== '' && commandOf(owner.pid) === owner.command
}

export function commandOf(pid: number): string | undefined {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      : execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

async function lastLines(file: string, count: number): Promise<string> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, LAST_LOG_BYTES)
    const { buffer } = await handle.read({ buffer: Buffer.alloc(length), position: size - length })
    return buffer.toString('utf8').trimEnd().split('\n').slice(-count).join('\n')
  } finally {
    await handle.close()
  }
}
