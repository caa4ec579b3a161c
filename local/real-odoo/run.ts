// Programs of this machine that build something: their last lines are the reason when one fails.
import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { createInterface } from 'node:readline'

import { findProgram, programFolders } from '#local/tools/programs.ts'

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
/** PATH may be that of somebody else. */
const folders = (): readonly string[] => [...programFolders(process.env), '/usr/bin', '/bin']

export async function programOf(name: string): Promise<string | undefined> {
  return findProgram(folders(), name)
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
