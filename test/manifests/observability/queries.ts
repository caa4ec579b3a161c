// What rules and dashboards ask Prometheus.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { rules } from './promtool.ts'

const folder = new URL('../../../manifests/components/observability/dashboards/', import.meta.url)
const dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), query: z.union([z.string(), z.object({ query: z.string() })]) })),
  }),
  panels: z.array(
    z.object({
      title: z.string(),
      targets: z
        .array(z.object({ expr: z.string(), datasource: z.object({ uid: z.literal('${datasource}') }) }))
        .default([]),
    }),
  ),
})

export const dashboards = await Promise.all(
  ['fleet.json', 'instance.json'].map(async (file) =>
    dashboard.parse(JSON.parse(await readFile(new URL(file, folder), 'utf8'))),
  ),
)

/** The variables of Grafana, as they are for a range of a few minutes. `$name` stays. */
const grafana = { $__rate_interval: '1m', $__range: '5m' }

export interface Asked {
  readonly dashboard: string
  readonly panel: string
  readonly expr: string
  /** It filters what is 0, or shows what need not have happened. */
  readonly mayBeEmpty: boolean
}

export function queriesOf(): readonly Asked[] {
  return dashboards.flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({
        dashboard: uid,
        panel: title,
        expr: Object.entries(grafana).reduce((all, [variable, value]) => all.replaceAll(variable, value), expr),
        mayBeEmpty: /[<>]=? \d/.test(expr),
      })),
    ),
  )
}

/** What a variable of a dashboard may be set to: the values that a label has in these series. */
export function choiceOf(variable: string): { readonly series: string; readonly label: string } {
  const { query } = dashboards.flatMap(({ templating }) => templating.list).find(({ name }) => name === variable) ?? {}
  const [, series, label] = /^label_values\((.+), (\w+)\)$/.exec(typeof query === 'object' ? query.query : '') ?? []
  if (series === undefined || label === undefined) throw new Error(`no variable "${variable}" asks for a label`)
  return { series, label }
}

const asked = [...rules.map(({ expr }) => expr), ...queriesOf().map(({ expr }) => expr)].join('\n')

/** Every metric of a process that is asked for. */
export function metricNames(): readonly string[] {
  return [...new Set(asked.match(/\b(?:platxa|process|nodejs)_[a-z0-9_]+/g))].toSorted()
}

/** Every recording that is asked for. */
export function recordingNames(): readonly string[] {
  return [...new Set(asked.match(/\bplatxa:[a-z0-9_:]+/g))].toSorted()
}
