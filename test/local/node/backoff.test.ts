import { describe, expect, it } from 'vitest'

import { afterExit, afterRefusal, type BackOff, kubeletBackOff } from '#local/node/backoff.ts'

const seconds = (waits: readonly BackOff[]): number[] => waits.map(({ waitMs }) => waitMs / 1000)

describe('a container that keeps crashing', () => {
  it('is started again at once, then after 10 s, doubling up to 5 minutes', () => {
    const waits: BackOff[] = []
    for (let crash = 0; crash < 8; crash += 1) waits.push(afterExit(waits.at(-1), 100, kubeletBackOff))
    expect(seconds(waits)).toEqual([0, 10, 20, 40, 80, 160, 300, 300])
  })

  it.each([
    ['a minute', 60_000, 40],
    ['just under ten minutes', 599_999, 40],
    ['ten minutes', 600_000, 0],
  ])('after having run well for %s waits accordingly', (_what, ranMs, expected) => {
    expect(afterExit({ waitMs: 20_000, nextMs: 40_000 }, ranMs, kubeletBackOff).waitMs / 1000).toBe(expected)
  })
})

describe('a container that cannot be started', () => {
  it('is tried again after 10 s, doubling up to 5 minutes', () => {
    const waits: BackOff[] = []
    for (let refusal = 0; refusal < 7; refusal += 1) waits.push(afterRefusal(waits.at(-1), kubeletBackOff))
    expect(seconds(waits)).toEqual([10, 20, 40, 80, 160, 300, 300])
  })
})
