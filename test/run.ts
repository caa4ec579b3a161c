// npm test: brings what the tests need, runs them all, and ends with one line that counts them.
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { obtainOdoo, NoOdoo } from '#local/real-odoo/obtain.ts'
import { obtainTool } from '#local/tools/tools.ts'
import { layoutOf, repository } from '#local/world/layout.ts'
import { createProgress } from '#local/world/progress.ts'
import { obtainChromium } from '#test/browser.ts'
import { NO_ODOO } from '#test/flow/real/no-odoo.ts'
import { obtainPgbouncer } from '#test/world/pgbouncer.ts'
import { obtainPrograms } from '#test/world/watchers.ts'

const results = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  /** A file that could not even be loaded has no tests, and fails all the same. */
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
})

/** Two gigabytes the first time; a network that stands still must not take the other tests with it. */
const ODOO_LIMIT_MS = 25 * 60_000

const args = process.argv.slice(2)
const progress = createProgress(process.stderr)
const wanted = projects(args)
await prepare()
process.exitCode = await test()

/** Projects named on the command line, or all of them. */
function projects(given: readonly string[]): ReadonlySet<string> {
  const named = given.flatMap((arg, index) => {
    if (arg === '--project') return given[index + 1] ?? []
    return arg.startsWith('--project=') ? arg.slice('--project='.length) : []
  })
  return new Set(named.length === 0 ? ['unit', 'integration', 'flow'] : named)
}

async function prepare(): Promise<void> {
  const { signal } = new AbortController()
  if (wanted.has('integration') || wanted.has('flow')) {
    // Its failure is told by the tests that need it.
    const obtaining = progress.step('obtaining the control plane', (tell) =>
      obtainControlPlane({ progress: tell, signal }),
    )
    await obtaining.catch((error: unknown) => progress.line(error instanceof Error ? error.message : String(error)))
  }
  if (wanted.has('unit') || wanted.has('integration')) {
    const faults = await progress.step('obtaining Prometheus and Alertmanager', obtainPrograms)
    for (const fault of faults) progress.line(`their tests are skipped: ${fault}`)
  }
  if (wanted.has('integration')) {
    const { path, fault } = await progress.step('obtaining PgBouncer', obtainPgbouncer)
    if (path === undefined) progress.line(`no PgBouncer, so its tests are skipped: ${fault}`)
    for (const name of ['kustomize', 'queue-proxy'] as const) {
      const tool = progress.step(`obtaining ${name}`, (tell) => obtainTool(name, { tell, signal }))
      await tool.catch((error: unknown) => progress.line(error instanceof Error ? error.message : String(error)))
    }
  }
  if (wanted.has('flow')) {
    const { path, faults } = await progress.step('obtaining a browser', obtainChromium)
    if (path !== undefined) process.env['PLATXA_CHROMIUM'] = path
    else progress.line(`no browser, so its stories are skipped: ${faults.join('; ')}`)
    await prepareOdoo()
  }
}

async function prepareOdoo(): Promise<void> {
  const signal = AbortSignal.timeout(ODOO_LIMIT_MS)
  try {
    await progress.step('obtaining Odoo', (tell) => obtainOdoo({ progress: tell, signal }))
  } catch (error) {
    const why = error instanceof NoOdoo ? error.faults.join('; ') : String(error)
    process.env[NO_ODOO] = why
    progress.line(`no Odoo, so its stories are skipped: ${why}`)
  }
}

/** The story of a whole machine wants the machine to itself, so it comes after the others. */
async function test(): Promise<number> {
  const named = args.some((arg) => arg === '--project' || arg.startsWith('--project='))
  const runs = named
    ? [args]
    : [
        [...args, '--project', 'unit', '--project', 'integration'],
        [...args, '--project', 'flow'],
      ]
  const counts: Counts[] = []
  for (const run of runs) counts.push(await vitest(run))
  const sum = (pick: (one: Counts) => number): number => counts.reduce((total, one) => total + pick(one), 0)
  const skipped = sum((one) => one.skipped)
  const failed = sum((one) => one.failed)
  console.log(`${sum((one) => one.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed === 0 ? 0 : 1
}

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

async function vitest(given: readonly string[]): Promise<Counts> {
  const file = join(layoutOf(process.env).state, 'test-results.json')
  await mkdir(dirname(file), { recursive: true })
  await rm(file, { force: true })
  const program = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`, '--passWithNoTests']
  const code = await new Promise<number>((done) => {
    const child = spawn(process.execPath, [program, 'run', ...reporters, ...given], {
      cwd: repository,
      stdio: 'inherit',
    })
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, pass)
    child.once('exit', (status) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, pass)
      done(status ?? 1)
    })
  })
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
