// When does Odoo's own schedule need the instance? Pure.
import type { CronPolicy } from '#shared/instance/wishes.ts'
import type { CronJob } from '#shared/postgres/crons.ts'

export interface CronSeen {
  readonly jobs: readonly CronJob[]
  readonly policy: CronPolicy
  /** Names, XML ids or numbers of the jobs that count; none stands for all. */
  readonly allowed: readonly string[]
  readonly awakeMs: number
  readonly now: Temporal.Instant
  readonly limits: CronLimits
}

export interface CronLimits {
  /** CRON_SOON: a job that is due within it is not worth a sleep. */
  readonly soonMs: number
  /** CRON_PATIENCE: for so long after a wake Odoo may take to begin what is overdue. */
  readonly patienceMs: number
}

/** A job that keeps it awake, or the one that it will be woken for. */
export type CronPlan =
  | { readonly is: 'due'; readonly job: CronJob }
  | { readonly is: 'planned'; readonly job: CronJob; readonly wakeAt: Temporal.Instant }
  | { readonly is: 'none' }

const dayMs = 86_400_000
/** Odoo writes 2099 for "never". */
const furthestMs = 366 * dayMs

export function planCrons({ jobs, policy, allowed, awakeMs, now, limits }: CronSeen): CronPlan {
  if (policy === 'never') return { is: 'none' }
  const counting = jobs
    .filter((job) => isAllowed(job, allowed))
    .map((job) => ({ job, inMs: job.dueAt.epochMilliseconds - now.epochMilliseconds }))
    .toSorted((a, b) => a.inMs - b.inMs)
  // What is overdue for longer than Odoo had to begin it, Odoo does not run: it is no reason for anything.
  const overdue = counting.find(({ inMs }) => inMs <= 0)
  if (overdue && awakeMs < limits.patienceMs) return { is: 'due', job: overdue.job }
  const next = counting.find(({ inMs }) => inMs > 0)
  if (next === undefined || next.inMs > furthestMs) return { is: 'none' }
  if (policy === 'exact' && next.inMs <= limits.soonMs) return { is: 'due', job: next.job }
  const afterMs = policy === 'daily' ? Math.max(next.inMs, dayMs) : next.inMs
  return { is: 'planned', job: next.job, wakeAt: now.add({ milliseconds: Math.round(afterMs) }) }
}

export function isAllowed({ id, name, xmlId }: CronJob, allowed: readonly string[]): boolean {
  if (allowed.length === 0) return true
  return allowed.some((one) => one === xmlId || one === String(id) || one.toLowerCase() === name.toLowerCase())
}
