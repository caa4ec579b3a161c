import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstLook, inWords, secondLook, type FirstSeen, type Report } from '#functions/sleep/decide.ts'
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
    ['an awake instance is looked at behind the fence', seen(), { do: 'look behind the fence' }],
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
      { do: 'look behind the fence' },
    ],
    [
      'one that is kept awake for another hour stays awake',
      seen({ instance: instance({ keepAwakeUntil: now.add({ hours: 1 }) }) }),
      { do: 'decline', veto: 'kept-awake', why: 'kept awake for another 60 min' },
    ],
    [
      'one that was kept awake until a minute ago is looked at',
      seen({ instance: instance({ keepAwakeUntil: minutesAgo(1) }) }),
      { do: 'look behind the fence' },
    ],
  ]
  it.each(rows)('%s', (_, given, wanted) => {
    expect(firstLook(given)).toMatchObject(wanted)
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
