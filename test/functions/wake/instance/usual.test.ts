// What a visitor is told to expect: the history of this instance, not of all.
import { describe, expect, it } from 'vitest'
import { usualWakeMs, withWake } from '#functions/wake/instance/entry.ts'
import type { Life } from '#functions/wake/instance/life.ts'
import { usualMsOf } from '#functions/wake/front.ts'
import { stepSeconds } from '#functions/wake/page/page.ts'
import { progressOf } from '#functions/wake/own-paths.ts'
import { retryAfterSeconds } from '#functions/wake/instance/state.ts'
import { entryOf, room, waking } from './rooms-of.ts'

describe('the usual time of a wake', () => {
  it.each([
    ['has no history', [], undefined],
    ['woke once', [2_310], 2_310],
    ['was slow once', [2_310, 21_000, 2_204], 2_310],
    ['woke an even number of times', [2_310, 2_204], 2_310],
  ])('of an instance that %s', (_what, recentWakes, usual) => {
    expect(usualWakeMs(entryOf(undefined, { recentWakes }))).toBe(usual)
  })

  it('is what its last five wakes took, the newest first', () => {
    const { facts } = entryOf(undefined, { recentWakes: [5, 4, 3, 2, 1] })
    expect(withWake(facts, 6.4)).toBe('6 5 4 3 2')
  })

  it('is what the open page is told, with the seconds that have passed', () => {
    const entry = entryOf(room(waking({ since: 1_000 })), { recentWakes: [3_600] })
    expect(progressOf(entry, 'en', 3_200)).toMatchObject({ state: 'waking', seconds: 2.2, typicalSeconds: 4 })
  })

  it('is said again on the open page when what held the wake up is over', () => {
    const stopping = waking({ since: 1_000, scale: 'after the old pod' })
    const progress = (life: Life) => progressOf(entryOf(room(life), { recentWakes: [3_600] }), 'en', 3_200)
    expect(progress(stopping)).toMatchObject({ message: expect.stringContaining('falling asleep'), unusual: true })
    expect(progress(waking({ since: 1_000 }))).toMatchObject({
      message: 'This usually takes about 4 seconds.',
      unusual: false,
    })
  })

  it('is told with how long each step took, also where a phase was over before anybody looked', () => {
    expect(stepSeconds({ accepted: 1_100 }, 1_000)).toEqual([])
    expect(stepSeconds({ scheduled: 1_400, pulling: 1_500 }, 1_000)).toEqual([0.4])
    expect(stepSeconds({ scheduled: 1_400, starting: 3_100, database: 3_900 }, 1_000)).toEqual([0.4, 1.7, 0.8])
    expect(stepSeconds({ starting: 2_000, database: 2_600, ready: 3_000 }, 1_000)).toEqual([1, 0, 0.6, 0.4])
    const entry = entryOf(room(waking({ since: 1_000, marks: { scheduled: 1_250 } })))
    expect(progressOf(entry, 'en', 3_200).stepSeconds).toEqual([0.3])
  })

  it('is when a client that does not ask shall come again', () => {
    expect(retryAfterSeconds(room(waking({ since: 1_000 })), 6_000, 3_000)).toBe(4)
    expect(retryAfterSeconds(room(waking({ since: 1_000 })), 6_000, 60_000)).toBe(1)
    expect(usualMsOf(undefined)).toBe(6_000)
  })
})
