// Running vitest and counting what came of it.
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { layoutOf, repository } from '#local/world/layout.ts'

const results = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  /** A file that could not even be loaded has no tests, and fails all the same. */
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
})

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Ending {
  /** Instead of the signal that asked us to end. */
  readonly end?: NodeJS.Signals | undefined
  readonly limit?: AbortSignal | undefined
}

/** `within` may put another program around vitest's own command, and `limit` ends it with what it has come to. */
export async function vitest(
  given: readonly string[],
  within: (command: readonly [string, ...string[]]) => Command = ([file, ...args]) => ({ file, args, env: {} }),
  { end, limit }: Ending = {},
): Promise<Counts> {
  const file = join(layoutOf(process.env).state, 'test-results.json')
  await mkdir(dirname(file), { recursive: true })
  await rm(file, { force: true })
  const program = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`, '--passWithNoTests']
  const code = await runToEnd(within([process.execPath, program, 'run', ...reporters, ...given]), { end, limit })
  const counted = results.safeParse(JSON.parse(await readFile(file, 'utf8').catch(() => 'null'))).data
  const unloaded = counted?.testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0)
  const failed = (counted?.numFailedTests ?? 0) + (unloaded?.length ?? 0)
  return {
    passed: counted?.numPassedTests ?? 0,
    // An error outside of any test, or no result at all, must not look like success.
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: (counted?.numPendingTests ?? 0) + (counted?.numTodoTests ?? 0),
  }
}

/** Exit code. Signals that ask us to end go to the program first. */
export async function runToEnd({ file, args, env }: Command, { end, limit }: Ending = {}): Promise<number> {
  return await new Promise<number>((done) => {
    const child = spawn(file, [...args], { cwd: repository, stdio: 'inherit', env: { ...process.env, ...env } })
    const pass = (signal: NodeJS.Signals): void => void child.kill(end ?? signal)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, pass)
    limit?.addEventListener('abort', () => child.kill('SIGKILL'))
    child.once('exit', (status) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, pass)
      done(status ?? 1)
    })
  })
}

/** The last line of every run, which machines read. */
export function sayCounts(counts: readonly Counts[]): number {
  const sum = (pick: (one: Counts) => number): number => counts.reduce((total, one) => total + pick(one), 0)
  const skipped = sum((one) => one.skipped)
  const failed = sum((one) => one.failed)
  console.log(`${sum((one) => one.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed === 0 ? 0 : 1
}
