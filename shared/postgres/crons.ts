/** Scheduled jobs of an Odoo database. Read as the tenant itself: what its tables have become is its own doing. */
import { z } from 'zod'
import type { Session } from './connect.ts'

/** What the series differ in. Everything else that is read here is the same from 14 to 19. */
export interface CronColumns {
  /** `numbercall` counts down the calls that are left; 0 = none, negative = no end. */
  readonly numbercall: boolean
  /** Other jobs may ask for a run by a row in `ir_cron_trigger`. */
  readonly triggers: boolean
}

export interface CronJob {
  readonly id: number
  readonly name: string
  /** `mail.ir_cron_mail_gateway_action`; a job that a person made has none. */
  readonly xmlId: string | undefined
  readonly dueAt: Temporal.Instant
}

/** More than any Odoo has; the next ones due come first. */
const MOST = 1000

const row = z.object({
  id: z.number(),
  name: z
    .string()
    .nullable()
    .transform((name) => (name ?? '').slice(0, 200)),
  xmlId: z
    .string()
    .nullable()
    .transform((xmlId) => xmlId?.slice(0, 200)),
  /** Infinite ones too, which are no number to zod. */
  seconds: z.custom<number>((value) => typeof value === 'number'),
})

/** Every job that will run again, the next one first. Odoo writes its times in UTC, without saying so. */
export async function cronJobs(session: Session, columns: CronColumns): Promise<readonly CronJob[]> {
  const trigger = '(SELECT min(t.call_at) FROM public.ir_cron_trigger t WHERE t.cron_id = c.id)'
  const found = await session.query(
    `SELECT c.id, c.cron_name AS name,
            extract(epoch FROM ${columns.triggers ? `LEAST(c.nextcall, ${trigger})` : 'c.nextcall'})::float8 AS seconds,
            (SELECT min(d.module || '.' || d.name) FROM public.ir_model_data d
             WHERE d.model = 'ir.cron' AND d.res_id = c.id) AS "xmlId"
     FROM public.ir_cron c
     WHERE c.active${columns.numbercall ? ' AND c.numbercall <> 0' : ''}
     ORDER BY seconds, c.id LIMIT ${MOST}`,
  )
  return z
    .array(row)
    .parse(found)
    .flatMap(({ seconds, ...job }) => {
      const dueAt = instantOf(seconds)
      return dueAt === undefined ? [] : [{ ...job, dueAt }]
    })
}

/** PostgreSQL knows an infinity and years that Temporal does not: such a job is never due. */
function instantOf(seconds: number): Temporal.Instant | undefined {
  try {
    return Temporal.Instant.fromEpochMilliseconds(Math.round(seconds * 1000))
  } catch {
    return undefined
  }
}
