// Programs of this machine that build something: their last lines are the reason when one fails.
import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Told {
  readonly tell: (detail: string) => void
  readonly signal: AbortSignal
}

export interface RunOptions {
  readonly signal: AbortSignal
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Each line of its output as it comes. */
  readonly line?: (line: string) => void
}

const LAST_LINES = 12
/** Where root's programs are, even when PATH is that of somebody else. */
const SYSTEM = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']

const folders = (): readonly string[] => [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SYSTEM]

export async function findProgram(name: string): Promise<string | undefined> {
  for (const path of folders().map((folder) => join(folder, name))) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/** Gives back its standard output. Throws with the last lines of what it said when it fails. */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { signal, cwd, env = {}, line } = options
  const child = spawn(program, args, {
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: folders().join(delimiter), ...env },
    ...(cwd !== undefined && { cwd }),
  })
  let output = ''
  const last: string[] = []
  const hear = (text: string): void => {
    last.splice(0, Math.max(0, last.push(text) - LAST_LINES))
    line?.(text)
  }
  child.stdout.on('data', (chunk: Buffer) => (output += line === undefined ? chunk.toString() : ''))
  createInterface({ input: child.stdout }).on('line', hear)
  createInterface({ input: child.stderr }).on('line', hear)
  await new Promise<void>((done, fail) => {
    child.once('error', fail)
    child.once('close', (code, by) => {
      if (code === 0) done()
      else fail(new Error(`${program} ${args[0] ?? ''} failed (${code ?? by}): ${last.join('; ')}`))
    })
  })
  return output
}
