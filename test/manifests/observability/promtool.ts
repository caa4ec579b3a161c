// The rules as promtool sees them: the groups of the PrometheusRule in a file of their own, and worlds made of series.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { watcherOf } from '#test/world/watchers.ts'

const run = promisify(execFile)
const folder = new URL('../../../manifests/components/observability/', import.meta.url)

const rule = z.strictObject({
  record: z.string().optional(),
  alert: z.string().optional(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
})
export type Rule = z.output<typeof rule>
const manifest = z.object({
  spec: z.object({
    groups: z.array(z.object({ name: z.string(), interval: z.string().optional(), rules: z.array(rule) })),
  }),
})

export const groups = manifest.parse(parse(await readFile(new URL('rules.yaml', folder), 'utf8'))).spec.groups
export const rules: readonly Rule[] = groups.flatMap((group) => group.rules)
export const alerts = rules.filter((one) => one.alert !== undefined)

export const promtool = await watcherOf('promtool')
export const withoutPromtool =
  promtool === undefined ? ' (skipped: no promtool on PATH, and none could be unpacked)' : ''

/** By the series in the notation of Prometheus; values in promtool's. */
export type Series = Readonly<Record<string, string>>

const INTERVAL_S = 30

/** One part of a timeline, a sample each half minute: `5` stays, `0+1` rises by one each time. */
export function during(minutes: number, value: string | number): string {
  return `${value}x${(minutes * 60) / INTERVAL_S - 1}`
}

/** The target is not scraped, or is no more: Prometheus marks its series as ended at once. */
export function gone(minutes: number): string {
  return `stale _x${(minutes * 60) / INTERVAL_S - 1}`
}

async function inFiles(tests: unknown, use: (options: { cwd: string }) => Promise<string>): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'platxa-promtool-'))
  try {
    await writeFile(join(cwd, 'rules.yaml'), stringify({ groups }))
    await writeFile(join(cwd, 'tests.yaml'), stringify(tests))
    return await use({ cwd })
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}

/** What `promtool check rules` says; throws when it finds a fault. */
export function check(): Promise<string> {
  return inFiles({}, async (options) => (await run(promtool ?? '', ['check', 'rules', 'rules.yaml'], options)).stdout)
}

/** Expects so many alerts of each name to fire at that minute, and no other. */
export async function firing(
  series: Series,
  minute: number,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  const expr = 'count by (alertname) (ALERTS{alertstate="firing"})'
  const samples = Object.entries(expected).map(([name, value]) => ({ labels: `{alertname="${name}"}`, value }))
  await test(series, { promql_expr_test: [{ expr, eval_time: `${minute}m`, exp_samples: samples }] })
}

/** One alert with all its labels and annotations. */
export async function fires(series: Series, minute: number, alertname: string, alert: object): Promise<void> {
  await test(series, { alert_rule_test: [{ alertname, eval_time: `${minute}m`, exp_alerts: [alert] }] })
}

async function test(series: Series, tests: object): Promise<void> {
  const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }))
  const file = {
    rule_files: ['rules.yaml'],
    evaluation_interval: `${INTERVAL_S}s`,
    // Recordings first; in any order, what an alert sees is half a minute older at times.
    group_eval_order: groups.map(({ name }) => name),
    tests: [{ interval: `${INTERVAL_S}s`, input_series, ...tests }],
  }
  await inFiles(file, async (options) => {
    try {
      return (await run(promtool ?? '', ['test', 'rules', 'tests.yaml'], options)).stdout
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      throw new Error(`${stdout}${stderr}`.trim(), { cause: error })
    }
  })
}
