// npm test: brings what the tests need, runs them all, and ends with one line that counts them.
// `--and-cluster` adds the tests of `npm run test:cluster` and counts them in the same line.
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { obtainOdoo, NoOdoo } from '#local/real-odoo/obtain.ts'
import { obtainTool } from '#local/tools/tools.ts'
import { createProgress } from '#local/world/progress.ts'
import { obtainChromium } from '#test/browser.ts'
import { testCluster } from '#test/cluster/test.ts'
import { NO_ODOO } from '#test/flow/real/no-odoo.ts'
import { type Counts, sayCounts, vitest } from '#test/vitest.ts'
import { obtainPgbouncer } from '#test/world/pgbouncer.ts'
import { obtainPrograms } from '#test/world/watchers.ts'

/** Two gigabytes the first time; a network that stands still must not take the other tests with it. */
const ODOO_LIMIT_MS = 25 * 60_000
const AND_CLUSTER = '--and-cluster'
const args = process.argv.slice(2).filter((arg) => arg !== AND_CLUSTER)
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
  if (process.argv.includes(AND_CLUSTER)) counts.push(await testCluster([]))
  return sayCounts(counts)
}
