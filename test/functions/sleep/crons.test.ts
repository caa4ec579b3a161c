import { describe, expect, it } from 'vitest'
import { isAllowed, planCrons, type CronSeen } from '#functions/sleep/crons.ts'
import type { CronJob } from '#shared/postgres/crons.ts'

const now = Temporal.Instant.from('2026-11-23T12:00:00Z')
const inMinutes = (minutes: number) => now.add({ seconds: Math.round(minutes * 60) })
const job = (name: string, minutes: number, id = 1): CronJob => ({
  id,
  name,
  xmlId: `mail.${name}`,
  dueAt: inMinutes(minutes),
})

function seen(changes: Partial<CronSeen> = {}): CronSeen {
  return {
    jobs: [job('fetch', 60)],
    policy: 'exact',
    allowed: [],
    awakeMs: 3_600_000,
    now,
    limits: { soonMs: 300_000, patienceMs: 600_000 },
    ...changes,
  }
}
// In words: two instants look alike to a matcher of objects.
const planned = (minutes: number, name = 'fetch') => ({
  is: 'planned',
  job: { name },
  wakeAt: String(inMinutes(minutes)),
})

describe('the plan for scheduled jobs', () => {
  const rows: [string, CronSeen, object][] = [
    ['exact: woken when the next job is due', seen(), planned(60)],
    ['exact: the earliest of several', seen({ jobs: [job('late', 90), job('early', 30)] }), planned(30, 'early')],
    ['exact: a job that is due in four minutes keeps it awake', seen({ jobs: [job('fetch', 4)] }), { is: 'due' }],
    ['exact: one that is due in six does not', seen({ jobs: [job('fetch', 6)] }), planned(6)],
    ['daily: not before it has slept for a day', seen({ policy: 'daily' }), planned(24 * 60)],
    [
      'daily: later when nothing is due for two days',
      seen({ policy: 'daily', jobs: [job('w', 2880)] }),
      planned(2880, 'w'),
    ],
    ['daily: what is due in a minute can wait', seen({ policy: 'daily', jobs: [job('f', 1)] }), planned(24 * 60, 'f')],
    ['never: nothing, whatever is due', seen({ policy: 'never', jobs: [job('fetch', 1)] }), { is: 'none' }],
    ['no job at all: nothing', seen({ jobs: [] }), { is: 'none' }],
    ['a job in 2099 is never due', seen({ jobs: [job('never', 60 * 24 * 365 * 70)] }), { is: 'none' }],
    [
      'woken five minutes ago, Odoo may still begin what is overdue',
      seen({ jobs: [job('fetch', -30)], awakeMs: 300_000 }),
      { is: 'due', job: { name: 'fetch' } },
    ],
    [
      'that holds for daily too, or the wake would be for nothing',
      seen({ policy: 'daily', jobs: [job('fetch', -30)], awakeMs: 300_000 }),
      { is: 'due' },
    ],
    [
      'what Odoo has not begun within its patience, it does not run: the next one counts',
      seen({ jobs: [job('stuck', -30), job('fetch', 60)] }),
      planned(60),
    ],
    ['a job that nobody allowed counts for nothing', seen({ allowed: ['other'] }), { is: 'none' }],
    [
      'only allowed ones keep it awake',
      seen({ jobs: [job('fetch', 1), job('send', 60)], allowed: ['send'] }),
      planned(60, 'send'),
    ],
  ]
  it.each(rows)('%s', (_, given, wanted) => {
    const plan = planCrons(given)
    expect(plan.is === 'planned' ? { ...plan, wakeAt: String(plan.wakeAt) } : plan).toMatchObject(wanted)
  })

  it.each([
    ['its name, in any case', ['FETCH'], true],
    ['its XML id', ['mail.fetch'], true],
    ['its number', ['1'], true],
    ['a part of its name', ['fet'], false],
    ['nothing', [], true],
  ])('a job is allowed by %s', (_, allowed, wanted) => {
    expect(isAllowed(job('fetch', 0), allowed)).toBe(wanted)
  })
})
