// What a customer buys, as data: the published rows of odoo.md §1.0, §1.10 and §1.11, and the rules that follow from them.
import { z } from 'zod'
import type { Tier } from '#shared/events/catalogue.ts'

/** `fit`: the most workers that fit the memory limit. `published`: the figure of the price list. */
export const workersPolicy = z.enum(['fit', 'published'])
export type WorkersPolicy = z.output<typeof workersPolicy>

/** cpu in millicores, memory and storage in the binary unit of the name. */
export interface TierRow {
  readonly cpuRequestMillis: number
  readonly cpuLimitMillis: number
  /** Request = limit: memory can't be squeezed, and one QoS class over all tiers is what in-place resize requires. */
  readonly memoryMi: number
  /** As published. What runs is `workersOf`. */
  readonly publishedWorkers: number
  readonly cronThreads: number
  readonly limitTimeCpuSeconds: number
  readonly limitTimeRealSeconds: number
  readonly limitTimeRealCronSeconds: number
  /** Pool size of one Odoo process. */
  readonly dbMaxconn: number
  /** Of the gevent process; unused by threaded instances, which have none. */
  readonly dbMaxconnGevent: number
  /** CONNECTION LIMIT of role and database: all processes, LISTEN sessions and headroom. */
  readonly connectionLimit: number
  readonly terminationGraceSeconds: number
  readonly addonsGi: number
  readonly filestoreGi: number
}

export const tiers: Readonly<Record<Tier, TierRow>> = {
  free: {
    cpuRequestMillis: 250,
    cpuLimitMillis: 1000,
    memoryMi: 512,
    publishedWorkers: 2,
    cronThreads: 1,
    limitTimeCpuSeconds: 60,
    limitTimeRealSeconds: 120,
    limitTimeRealCronSeconds: 300,
    dbMaxconn: 16,
    dbMaxconnGevent: 16,
    connectionLimit: 20,
    terminationGraceSeconds: 60,
    addonsGi: 1,
    filestoreGi: 1,
  },
  pro: {
    cpuRequestMillis: 500,
    cpuLimitMillis: 2000,
    memoryMi: 1024,
    publishedWorkers: 4,
    cronThreads: 1,
    limitTimeCpuSeconds: 120,
    limitTimeRealSeconds: 240,
    limitTimeRealCronSeconds: 600,
    dbMaxconn: 8,
    dbMaxconnGevent: 16,
    connectionLimit: 48,
    terminationGraceSeconds: 260,
    addonsGi: 1,
    filestoreGi: 10,
  },
  team: {
    cpuRequestMillis: 1000,
    cpuLimitMillis: 4000,
    memoryMi: 2048,
    publishedWorkers: 6,
    cronThreads: 1,
    limitTimeCpuSeconds: 300,
    limitTimeRealSeconds: 600,
    limitTimeRealCronSeconds: 1200,
    dbMaxconn: 8,
    dbMaxconnGevent: 16,
    connectionLimit: 80,
    terminationGraceSeconds: 620,
    addonsGi: 2,
    filestoreGi: 25,
  },
  enterprise: {
    cpuRequestMillis: 2000,
    cpuLimitMillis: 8000,
    memoryMi: 4096,
    publishedWorkers: 9,
    cronThreads: 2,
    limitTimeCpuSeconds: 600,
    limitTimeRealSeconds: 1200,
    limitTimeRealCronSeconds: 1800,
    dbMaxconn: 8,
    dbMaxconnGevent: 24,
    connectionLimit: 128,
    terminationGraceSeconds: 1220,
    addonsGi: 5,
    filestoreGi: 100,
  },
}

/** One maintenance Job (backup, restore, module update) may run beside Odoo in every tier. */
export const jobEnvelope = { cpuRequestMillis: 100, cpuLimitMillis: 1000, memoryRequestMi: 256, memoryLimitMi: 1024 }

/** The pooler beside Odoo: session mode, a few connections. */
export const poolerEnvelope = { cpuRequestMillis: 10, cpuLimitMillis: 100, memoryRequestMi: 16, memoryLimitMi: 32 }

/** Odoo's own sizing rule: 80 % light requests of 150 MB and 20 % heavy ones of 1 GB make 325 MB per process. */
const bytesPerProcess = 325_000_000

/**
 * Workers of odoo.conf. 0 = threaded: one process, nothing listens on the gevent port. Never 1, because a report is
 * printed by a second request to the same workers and would wait for itself.
 */
export function workersOf(tier: Tier, policy: WorkersPolicy): number {
  return policy === 'published' ? tiers[tier].publishedWorkers : fittingWorkers(tiers[tier])
}

/** The most workers whose peak fits the memory limit beside the cron workers. */
export function fittingWorkers(row: Pick<TierRow, 'memoryMi' | 'cronThreads' | 'publishedWorkers'>): number {
  const fitting = Math.floor((row.memoryMi * 1024 * 1024) / bytesPerProcess) - row.cronThreads
  const workers = Math.min(row.publishedWorkers, fitting)
  return workers < 2 ? 0 : workers
}
