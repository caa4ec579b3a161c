import { describe, expect, it } from 'vitest'
import { reportOf } from '#local/why/report.ts'
import { instance } from '#test/functions/instances.ts'

const totals = { wakes: 12, sleeps: 11, falseWakes: 2, awakeSeconds: 5400 }

describe('npm run why', () => {
  it('says the words that stand on the Deployment, and what sleeping has saved', () => {
    expect(reportOf(instance({ why: 'Asleep since …: nobody used it for 17 min', replicas: 0, totals }))).toEqual([
      'demo: Asleep since …: nobody used it for 17 min',
      'Since it was made: 12 wakes (2 false: nobody asked for anything after it), 11 sleeps, awake for 1.5 h until the last one.',
    ])
  })

  it('makes the same words from the facts where none stand there', () => {
    const [first] = reportOf(instance({ wokenBy: { trigger: 'first start' } }))
    expect(first).toMatch(/^demo: Awake since 2026-11-23 08:00:00 UTC; woken by its first start/)
    expect(reportOf(instance({ replicas: 0 }))[0]).toBe('demo: Asleep, and nobody has written down why')
  })

  it('says what is in the way of it: a status, an annotation that cannot be read', () => {
    const faults = [{ key: 'platxa.io/crons', text: 'platxa.io/crons must be never, daily or exact, not "hourly"' }]
    expect(reportOf(instance({ status: 'suspended', faults }))).toEqual(
      expect.arrayContaining([
        'It is suspended: nobody wakes it.',
        'Cannot be read: platxa.io/crons must be never, daily or exact, not "hourly"',
      ]),
    )
  })
})
