import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  firstLook,
  inWords,
  isFalseWake,
  objectionOf,
  secondLook,
  type FirstSeen,
  type Report,
  type Tenant,
} from '#functions/sleep/decide.ts'
import { readWishes } from '#shared/instance/wishes.ts'
import { instance } from '#test/functions/instances.ts'

const now = Temporal.Instant.from('2026-11-23T12:00:00Z')
const minutesAgo = (minutes: number) => now.subtract({ minutes })

function seen(changes: Partial<FirstSeen> = {}): FirstSeen {
  return {
    instance: instance(),
    deploymentUid: 'uid-demo',
    now,
    timeoutMs: 900_000,
    minimumAwakeMs: 120_000,
    ...changes,
  }
}

describe('sleep, the first look', () => {
  const rows: [string, FirstSeen, object][] = [
    ['an awake instance is looked at closer', seen(), { do: 'look closer' }],
    ['an instance that is gone needs nothing', seen({ instance: undefined }), { do: 'nothing' }],
    [
      'an instance that is being removed needs nothing',
      seen({ instance: instance({ deleting: true }) }),
      { do: 'nothing' },
    ],
    ['a namesake made since is left alone', seen({ deploymentUid: 'uid-of-an-earlier-demo' }), { do: 'nothing' }],
    [
      'an instance that sleeps already is reported as asleep',
      seen({ instance: instance({ replicas: 0 }) }),
      { do: 'say it sleeps' },
    ],
    [
      'an instance woken a minute ago stays awake',
      seen({ instance: instance({ since: minutesAgo(1) }) }),
      { do: 'decline', veto: 'just-woken', why: 'awake for only 60 s' },
    ],
    [
      'one that never says since when counts from when it was made',
      seen({ instance: instance({ since: undefined, createdAt: minutesAgo(1) }) }),
      { do: 'decline', veto: 'just-woken' },
    ],
    [
      'an operator who asks for sleep at once is not stopped by the minimum',
      seen({ instance: instance({ since: minutesAgo(1) }), timeoutMs: 0 }),
      { do: 'look closer' },
    ],
    [
      'one that is kept awake for another hour stays awake',
      seen({ instance: instance({ keepAwakeUntil: now.add({ hours: 1 }) }) }),
      { do: 'decline', veto: 'kept-awake', why: 'kept awake for another 60 min' },
    ],
    [
      'one that was kept awake until a minute ago is looked at',
      seen({ instance: instance({ keepAwakeUntil: minutesAgo(1) }) }),
      { do: 'look closer' },
    ],
  ]
  it.each(rows)('%s', (_, given, wanted) => {
    expect(firstLook(given)).toMatchObject(wanted)
  })

  it('keeps awake what somebody wanted awake in words nobody can read', () => {
    const { faults } = readWishes({ 'platxa.io/keep-awake-until': 'tomorrow' })
    expect(firstLook(seen({ instance: instance({ faults }) }))).toMatchObject({
      do: 'decline',
      veto: 'keep-awake-unreadable',
    })
  })

  it('does not stay awake for a fault in another annotation', () => {
    const { faults } = readWishes({ 'platxa.io/crons': 'hourly' })
    expect(faults).toHaveLength(1)
    expect(firstLook(seen({ instance: instance({ faults }) }))).toMatchObject({ do: 'look closer' })
  })
})

describe('sleep, what the instance does by itself', () => {
  const still: Tenant = { sessions: [], jobs: [], crons: { is: 'none' } }
  const session = { pid: 7, state: 'active', sinceSeconds: 720, application: 'odoo' }
  const job = { id: 1, name: 'Mail: Fetchmail', xmlId: undefined, dueAt: now.add({ minutes: 3 }) }
  const rows: [string, Tenant, object | undefined][] = [
    ['nothing: no objection', still, undefined],
    [
      'a job that is planned for later: no objection',
      { ...still, crons: { is: 'planned', job, wakeAt: now } },
      undefined,
    ],
    [
      'nobody knows: it stays awake',
      { unknown: 'no answer within 2000 ms' },
      { veto: 'tenant-unknown', why: 'nobody knows what it does: no answer within 2000 ms' },
    ],
    [
      'one session, and it is said which',
      { ...still, sessions: [session] },
      { veto: 'database-session', why: 'the database session 7 of odoo has been active for 12 min' },
    ],
    [
      'of several the longest is named',
      { ...still, sessions: [session, { ...session, pid: 8, sinceSeconds: 1 }] },
      { why: 'the database session 7 of odoo has been active for 12 min, and 1 more' },
    ],
    [
      'a maintenance Job',
      { ...still, jobs: ['backup'], sessions: [session] },
      { veto: 'job-running', why: 'the maintenance Job backup is running' },
    ],
    [
      'a job that is due soon, and how soon',
      { ...still, crons: { is: 'due', job } },
      { veto: 'cron-due', why: 'the scheduled job "Mail: Fetchmail" is due in 3 min', forMs: 180_000 },
    ],
    [
      'a job that Odoo has yet to begin',
      { ...still, crons: { is: 'due', job: { ...job, dueAt: minutesAgo(4) } } },
      { veto: 'cron-due', why: 'the scheduled job "Mail: Fetchmail" has been due for 4 min' },
    ],
  ]
  it.each(rows)('%s', (_, tenant, wanted) => {
    const objection = objectionOf(tenant, now)
    if (wanted === undefined) expect(objection).toBeUndefined()
    else expect(objection).toMatchObject(wanted)
  })
})

describe('a false wake', () => {
  const woken = instance({ wokenBy: { trigger: 'http', class: 'A', path: '/', client: 'browser' }, lastWakeMs: 4_000 })
  it.each([
    ['the page was shown while it woke, and nobody came back', woken, 899_900, true],
    ['the request that was held got its answer after it was ready', woken, 895_900, false],
    ['somebody used it ten minutes ago', woken, 600_000, false],
    ['nobody was seen at all', woken, Infinity, true],
    ['it was woken for a scheduled job', instance({ wokenBy: { trigger: 'cron' } }), Infinity, false],
    ['nobody knows who woke it', instance(), Infinity, false],
  ])('%s', (_, given, idleMs, wanted) => {
    expect(isFalseWake(given, 900_000, idleMs)).toBe(wanted)
  })
})

type Answer = NonNullable<Report['answer']>
const quiet: Answer = { upForMs: 3_600_000, idleMs: 1_000_000, inFlight: 0, humanIdleMs: null }
const from = (...answers: (Partial<Answer> | undefined)[]): Report[] =>
  answers.map((answer, index) => ({
    replica: `wake-${index}`,
    answer: answer === undefined ? undefined : { ...quiet, ...answer },
  }))

describe('sleep, the second look behind the fence', () => {
  const rows: [string, Report[], object][] = [
    [
      'two replicas that saw nothing for the whole window: sleep',
      from({}, {}),
      { do: 'scale to 0', idleMs: 1_000_000 },
    ],
    [
      'never used since the replica started, an hour ago: sleep',
      from({ idleMs: null }),
      { do: 'scale to 0', idleMs: 3_600_000 },
    ],
    ['no replica at all: nobody knows', from(), { do: 'decline', veto: 'no-replica' }],
    ['one replica does not answer: nobody knows', from({}, undefined), { do: 'decline', veto: 'replica-silent' }],
    ['one request in flight on one replica', from({}, { inFlight: 1 }), { do: 'decline', veto: 'request-in-flight' }],
    [
      'used a minute ago on one replica',
      from({}, { idleMs: 60_000 }),
      { do: 'decline', veto: 'activity', why: 'used 60 s ago' },
    ],
    ['somebody moved the mouse a minute ago', from({ humanIdleMs: 60_000 }, {}), { do: 'decline', veto: 'presence' }],
    ['somebody moved the mouse an hour ago: sleep', from({ humanIdleMs: 3_600_000 }), { do: 'scale to 0' }],
    [
      'a replica younger than the window saw nothing',
      from({}, { upForMs: 60_000, idleMs: null }),
      { do: 'decline', veto: 'replica-young' },
    ],
    [
      'a young replica that saw a use says so rather than "do not know"',
      from({ upForMs: 60_000, idleMs: 1_000 }),
      { do: 'decline', veto: 'activity' },
    ],
  ]
  it.each(rows)('%s', (_, reports, wanted) => {
    expect(secondLook({ reports, timeoutMs: 900_000 })).toMatchObject(wanted)
  })

  const anyAnswer = fc.record({
    upForMs: fc.nat(2_000_000),
    idleMs: fc.option(fc.nat(2_000_000)),
    inFlight: fc.nat(2),
    humanIdleMs: fc.option(fc.nat(2_000_000)),
  })
  it('never sleeps on anything younger than the window, in flight or unknown', () => {
    fc.assert(
      fc.property(fc.array(fc.option(anyAnswer, { nil: undefined })), fc.nat(1_000_000), (answers, timeoutMs) => {
        const reports = answers.map((answer, index) => ({ replica: `wake-${index}`, answer }))
        if (secondLook({ reports, timeoutMs }).do === 'decline') return
        expect(answers.length).toBeGreaterThan(0)
        for (const answer of answers) {
          expect(answer).toBeDefined()
          expect(answer?.inFlight).toBe(0)
          const youngest = Math.min(answer?.upForMs ?? 0, answer?.idleMs ?? Infinity, answer?.humanIdleMs ?? Infinity)
          expect(youngest).toBeGreaterThanOrEqual(timeoutMs)
        }
      }),
    )
  })

  it('says the same of the same reports in any order, as far as sleeping goes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(anyAnswer, { nil: undefined })), (answers) => {
        const reports = answers.map((answer, index) => ({ replica: `wake-${index}`, answer }))
        const there = secondLook({ reports, timeoutMs: 900_000 })
        expect(secondLook({ reports: reports.toReversed(), timeoutMs: 900_000 }).do).toBe(there.do)
      }),
    )
  })
})

describe('sleep, times in words', () => {
  it.each([
    [0, '0 s'],
    [42_400, '42 s'],
    [1_020_000, '17 min'],
    [10_800_000, '3 h'],
  ])('%i ms is %s', (milliseconds, words) => {
    expect(inWords(milliseconds)).toBe(words)
  })
})
