// npm test: brings what the tests need, runs them all, and ends with one line that counts them.
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { layoutOf, repository } from '#local/world/layout.ts'
import { createProgress } from '#local/world/progress.ts'
import { obtainChromium } from '#test/browser.ts'

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
  if (wanted.has('flow')) {
    const { path, faults } = await progress.step('obtaining a browser', obtainChromium)
    if (path !== undefined) process.env['PLATXA_CHROMIUM'] = path
    else progress.line(`no browser, so its stories are skipped: ${faults.join('; ')}`)
  }
}

const results = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  /** A file that could not even be loaded has no tests, and fails all the same. */
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
})

async function test(): Promise<number> {
  const file = join(layoutOf(process.env).state, 'test-results.json')
  await mkdir(dirname(file), { recursive: true })
  await rm(file, { force: true })
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const code = await new Promise<number>((done) => {
    const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], { cwd: repository, stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
    child.once('exit', (status) => done(status ?? 1))
  })
  const counted = results.safeParse(JSON.parse(await readFile(file, 'utf8').catch(() => 'null'))).data
  const unloaded = counted?.testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0)
  const passed = counted?.numPassedTests ?? 0
  const skipped = (counted?.numPendingTests ?? 0) + (counted?.numTodoTests ?? 0)
  const failed = (counted?.numFailedTests ?? 0) + (unloaded?.length ?? 0)
  // An error outside of any test, or no result at all, must not look like success.
  const shown = code !== 0 && failed === 0 ? 1 : failed
  console.log(`${passed} passed, ${shown} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return shown === 0 ? 0 : 1
}
