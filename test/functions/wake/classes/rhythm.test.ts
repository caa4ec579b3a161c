import { describe, expect, it } from 'vitest'
import { isTimers, newRhythm, stir } from '#functions/wake/classes/rhythm.ts'

const minute = 60_000
const hour = 60 * minute
const after = 2 * hour

/** Numbers from 0 to 1 that look random and are the same in every run. */
function dice(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

interface Caller {
  readonly everyMs: number
  /** How far one call may be from its time, as a part of the period. */
  readonly jitter: number
  readonly hours: number
  readonly seed?: number
  /** Whether this replica gets the call. */
  readonly arrives?: (dice: () => number) => boolean
  /** Of the clock by which the page sets its timer. */
  readonly drift?: number
}

/** When the first call was taken for a timer's, in hours; undefined when none was. */
function caught({ everyMs, jitter, hours, seed = 1, arrives = () => true, drift = 0 }: Caller): number | undefined {
  const throwDice = dice(seed)
  const rhythm = newRhythm(0)
  for (let beat = 1; beat * everyMs < hours * hour; beat += 1) {
    const now = Math.round(beat * everyMs * (1 + drift) + (throwDice() - 0.5) * 2 * jitter * everyMs)
    if (arrives(throwDice) && isTimers(rhythm, 7, now, null, after)) return now / hour
  }
  return undefined
}

describe('a timer', () => {
  it.each([
    ['every ten seconds', { everyMs: 10_000, jitter: 0, hours: 4 }],
    ['every minute, a little late each time', { everyMs: minute, jitter: 0.03, hours: 4 }],
    ['every five minutes, on a clock that runs wrong', { everyMs: 5 * minute, jitter: 0.01, drift: 0.002, hours: 6 }],
    [
      'of which another replica gets half of the calls',
      { everyMs: minute, jitter: 0.01, hours: 6, arrives: (d: () => number) => d() < 0.5 },
    ],
  ])('is caught after two hours and not before: %s', (_, caller) => {
    const at = caught(caller)
    expect(at).toBeGreaterThanOrEqual(2)
    expect(at).toBeLessThan(3.5)
  })

  it('is not caught by so few calls that chance could have made them', () => {
    expect(caught({ everyMs: 20 * minute, jitter: 0, hours: 3.9 })).toBeUndefined()
    expect(caught({ everyMs: 20 * minute, jitter: 0, hours: 5 })).toBeDefined()
  })

  it('is not caught while a person does anything else in between', () => {
    const rhythm = newRhythm(0)
    for (let now = minute; now < 8 * hour; now += minute) {
      if (now % hour === 0) stir(rhythm, now)
      expect(isTimers(rhythm, 7, now, null, after)).toBe(false)
    }
  })

  it('is not caught while a tab tells of a human, and is when that was long ago', () => {
    const rhythm = newRhythm(0)
    const humanAt = 3 * hour
    let first: number | undefined
    for (let now = minute; now < 8 * hour; now += minute) {
      const is = isTimers(rhythm, 7, now, now < humanAt ? null : humanAt, after)
      if (now >= humanAt && is) first ??= now
    }
    expect(first).toBeGreaterThanOrEqual(5 * hour)
    expect(first).toBeLessThan(5.1 * hour)
  })

  it('beside another timer: both are caught', () => {
    const rhythm = newRhythm(0)
    const last = { slow: false, fast: false }
    for (let now = 10_000; now < 3 * hour; now += 10_000) {
      last.fast = isTimers(rhythm, 1, now, null, after)
      if (now % 70_000 === 0) last.slow = isTimers(rhythm, 2, now + 1, null, after)
    }
    expect(last).toEqual({ slow: true, fast: true })
  })

  it('that pauses is a person again: the first call after it counts', () => {
    const rhythm = newRhythm(0)
    let now = 0
    for (; now < 3 * hour; now += minute) isTimers(rhythm, 7, now, null, after)
    expect(isTimers(rhythm, 7, now, null, after)).toBe(true)
    expect(isTimers(rhythm, 7, now + 30 * minute, null, after)).toBe(false)
    expect(isTimers(rhythm, 7, now + 31 * minute, null, after)).toBe(false)
  })
})

describe('a person', () => {
  it.each([0.15, 0.25, 0.5])(
    'who does the same thing again and again, %f off each time, is not taken for a timer',
    (jitter) => {
      for (let seed = 1; seed <= 300; seed += 1) {
        for (const everyMs of [30_000, 5 * minute]) {
          expect(caught({ everyMs, jitter, hours: 10, seed }), `person ${seed}`).toBeUndefined()
        }
      }
    },
  )

  it('who does many things is not taken for a timer by any of them, and costs a handful of numbers', () => {
    const rhythm = newRhythm(0)
    const throwDice = dice(3)
    for (let now = 0; now < 10 * hour; now += Math.round(throwDice() * 20_000)) {
      expect(isTimers(rhythm, Math.floor(throwDice() * 1000), now, null, after)).toBe(false)
      expect(rhythm.beats.size).toBeLessThanOrEqual(16)
    }
  })
})
