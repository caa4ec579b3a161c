import { describe, expect, it } from 'vitest'
import { isKeepAwakeUnreadable, readWishes } from '#shared/instance/wishes.ts'

const keepAwake = (text: string) => readWishes({ 'platxa.io/keep-awake-until': text })

describe('what people ask for an instance', () => {
  it.each([
    ['2026-11-24T00:00:00Z', '2026-11-24T00:00:00Z'],
    ['2026-11-24T00:00:00+02:00', '2026-11-23T22:00:00Z'],
    [' 2026-11-24T00:00Z ', '2026-11-24T00:00:00Z'],
  ])('keeps it awake until %s', (text, until) => {
    expect(keepAwake(text)).toMatchObject({ faults: [] })
    expect(keepAwake(text).keepAwakeUntil?.toString()).toBe(until)
  })

  it.each(['tomorrow', '', '2026-11-24', '12:00', '2026-13-24T00:00:00Z', '1764000000'])(
    'cannot be kept awake until "%s", and that is said by the name of the annotation',
    (text) => {
      const wishes = keepAwake(text)
      expect(wishes.keepAwakeUntil).toBeUndefined()
      expect(isKeepAwakeUnreadable(wishes)).toBe(true)
      expect(wishes.faults[0]?.text).toMatch(/^platxa\.io\/keep-awake-until must be an instant/)
    },
  )

  it('names a policy for scheduled jobs, or has none', () => {
    expect(readWishes({ 'platxa.io/crons': ' exact ' })).toMatchObject({ crons: 'exact', faults: [] })
    expect(readWishes({})).toMatchObject({ crons: undefined, cronJobs: [], faults: [] })
    const wrong = readWishes({ 'platxa.io/crons': 'hourly' })
    expect(wrong).toMatchObject({ crons: undefined, faults: [{ key: 'platxa.io/crons' }] })
    expect(isKeepAwakeUnreadable(wrong)).toBe(false)
  })

  it('lists the jobs that count', () => {
    expect(readWishes({ 'platxa.io/cron-jobs': 'Mail: Fetchmail, mail.ir_cron,,7 ' }).cronJobs).toEqual([
      'Mail: Fetchmail',
      'mail.ir_cron',
      '7',
    ])
    expect(readWishes({ 'platxa.io/cron-jobs': 'x'.repeat(3000) }).faults).toHaveLength(1)
  })
})
