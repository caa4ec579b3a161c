// Series as Prometheus has them of a platform that is well; a row of a test changes what it is about.
import { during, type Series } from './promtool.ts'

/** What is so, the series that say it, the minute of the look, and how many alerts of each name fire then. */
export type Row = readonly [string, Series, number, Readonly<Record<string, number>>]

export const OLD = -100_000

export const at = {
  a: '{job="wake",instance="10.0.0.1:9090",pod="wake-a"}',
  b: '{job="wake",instance="10.0.0.2:9090",pod="wake-b"}',
  scan: '{job="scan-idle",instance="10.0.0.3:9464",pod="scan-idle-1"}',
  sleep: '{job="sleep",instance="10.0.0.4:9464",pod="sleep-1"}',
  dead: '{job="dead-letter",instance="10.0.0.5:9464",pod="dead-letter-1"}',
  relay: '{job="relay-alerts",instance="10.0.0.6:9464",pod="relay-alerts-1"}',
} as const
type Target = keyof typeof at

/** A series of one target, with more labels. */
export function of(target: Target, metric: string, labels: Readonly<Record<string, string>> = {}): string {
  const more = Object.entries(labels).map(([name, value]) => `,${name}="${value}"`)
  return `${metric}${at[target].slice(0, -1)}${more.join('')}}`
}

export const lastUsed = (target: Target, name = 'demo') =>
  of(target, 'platxa_wake_last_activity_timestamp_seconds', { name })
export const awakeSince = (target: Target, name = 'demo') =>
  of(target, 'platxa_wake_awake_since_timestamp_seconds', { name })
export const wakes = (outcome: string, target: Target = 'a') =>
  of(target, 'platxa_wake_wakes_total', { trigger: 'http', outcome })
export const within = (le: string, target: Target = 'a') =>
  of(target, 'platxa_wake_phase_seconds_bucket', { phase: 'total', le })

/** Until that minute two wake replicas and the functions are scraped, a scan looks every minute, and nobody is awake. */
export function well(until: number): Series {
  const all = (value: string | number): string => during(until + 1, value)
  const scraped = Object.values(at).flatMap((target) => [
    [`up${target}`, all(1)],
    [`process_start_time_seconds${target}`, all(OLD)],
  ])
  return {
    ...(Object.fromEntries(scraped) as Series),
    [of('scan', 'platxa_scan_idle_scans_total', { outcome: 'looked' })]: all('0+0.5'),
  }
}

/** Awake since an hour before the beginning, as both replicas say. */
export const demo: Series = { [awakeSince('a')]: during(60, -3600), [awakeSince('b')]: during(60, -3600) }

export const up = (target: Target): string => `up${at[target]}`
export const started = (target: Target): string => `process_start_time_seconds${at[target]}`
export const minutes = (count: number): number => count * 60
export const line = (...parts: readonly string[]): string => parts.join(' ')
