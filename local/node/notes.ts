// One small file per running process, by which the next node finds what an earlier one could not end.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 20
const LIMIT_MS = 5000

export interface Notes {
  /** Writes at once: the process waits for it before it does anything. */
  add(pid: number): void
  remove(pid: number): void
}

export class StateInUse extends Error {
  override readonly name = 'StateInUse'
}

/** Takes the folder for this process. Throws when another living process has it; ends what a dead one left running. */
export async function claimState(stateDir: string): Promise<Notes> {
  const owner = join(stateDir, 'node.pid')
  const holder = parse(await readFile(owner, 'utf8').catch(() => ''))
  if (holder !== undefined && holder.pid !== process.pid && isSame(holder)) {
    throw new StateInUse(`${stateDir} belongs to another node that runs: process ${holder.pid}`)
  }
  const folder = join(stateDir, 'pids')
  mkdirSync(folder, { recursive: true })
  writeFileSync(owner, describe(process.pid))
  for (const file of await readdir(folder)) {
    await end(parse(await readFile(join(folder, file), 'utf8')))
    await rm(join(folder, file), { force: true })
  }
  return {
    add: (pid) => writeFileSync(join(folder, String(pid)), describe(pid)),
    remove: (pid) => rmSync(join(folder, String(pid)), { force: true }),
  }
}

interface Note {
  readonly pid: number
  readonly startedAt: string
}

/** SIGKILL for the whole group: whoever could be asked was asked by the keeper already. */
async function end(note: Note | undefined): Promise<void> {
  if (note === undefined) return
  const deadline = performance.now() + LIMIT_MS
  while (isSame(note) && performance.now() < deadline) {
    killGroup(note.pid, 'SIGKILL')
    await sleep(POLL_MS)
  }
}

/** To all processes of the group; none of them left is no fault (EPERM is how macOS says that only dead ones are). */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    const none = error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')
    if (!none) throw error
  }
}

const describe = (pid: number): string => `${pid} ${startOf(pid) ?? ''}`

function parse(text: string): Note | undefined {
  const [, pid, startedAt] = /^(\d+) (.+)$/s.exec(text.trim()) ?? []
  return pid === undefined || startedAt === undefined ? undefined : { pid: Number(pid), startedAt }
}

/** A number is used again some day, a number and a time are not. */
const isSame = ({ pid, startedAt }: Note): boolean => startOf(pid) === startedAt

/** When the process began, in whatever words the system has for it; undefined when it has ended. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)])
        .toString()
        .trim()
    // The name in parentheses may hold anything; what follows its end starts with the state, field 3. Field 22 is ours.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
