// What people may write on a Deployment about its sleep, and what of it cannot be read. Pure.
import { z } from 'zod'
import { annotationKeys } from './names.ts'

/**
 * Whether a sleeper is woken for its scheduled jobs: never; daily, when one is due and it has slept for a day; exactly
 * when the next one is due.
 */
export const cronPolicy = z.enum(['never', 'daily', 'exact'])
export type CronPolicy = z.output<typeof cronPolicy>

export interface Wishes {
  readonly keepAwakeUntil: Temporal.Instant | undefined
  /** Undefined: as CRON_POLICY says. */
  readonly crons: CronPolicy | undefined
  /** Names, XML ids or numbers; none stands for every job. */
  readonly cronJobs: readonly string[]
  readonly faults: readonly Fault[]
}

/** An annotation that says nothing we understand. */
export interface Fault {
  readonly key: string
  /** Says which annotation, and what it must be. */
  readonly text: string
}

const longestList = 2000

/** RFC 3339 with an offset: "tomorrow" and "12:00" are nothing. */
const instant = z.string().transform((text, context) => {
  try {
    return Temporal.Instant.from(text.trim())
  } catch {
    context.addIssue('must be an instant such as 2026-11-23T18:00:00Z')
    return z.NEVER
  }
})

const list = z
  .string()
  .max(longestList, `must have at most ${longestList} characters`)
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )

const policy = z
  .string()
  .transform((text) => text.trim())
  .pipe(z.enum(cronPolicy.options, 'must be never, daily or exact'))

export function readWishes(notes: Readonly<Record<string, string>>): Wishes {
  const faults: Fault[] = []
  const read = <T>(key: string, schema: z.ZodType<T>): T | undefined => {
    const text = notes[key]
    if (text === undefined) return undefined
    const parsed = schema.safeParse(text)
    if (parsed.success) return parsed.data
    faults.push({ key, text: `${key} ${parsed.error.issues[0]?.message ?? ''}, not "${text.slice(0, 60)}"` })
    return undefined
  }
  return {
    keepAwakeUntil: read(annotationKeys.keepAwakeUntil, instant),
    crons: read(annotationKeys.crons, policy),
    cronJobs: read(annotationKeys.cronJobs, list) ?? [],
    faults,
  }
}

/** Whoever wrote it wanted it awake; until when cannot be read. */
export function isKeepAwakeUnreadable({ faults }: Pick<Wishes, 'faults'>): boolean {
  return faults.some(({ key }) => key === annotationKeys.keepAwakeUntil)
}
