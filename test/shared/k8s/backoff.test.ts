import fc from 'fast-check'
import { expect, it } from 'vitest'

import { createBackoff } from '#shared/k8s/backoff.ts'

const random = fc.double({ min: 0, max: 1, noNaN: true })

it('grows from almost nothing to five seconds, and stays there', () => {
  const backoff = createBackoff(() => 1)
  const waits = Array.from({ length: 12 }, () => backoff.next())
  expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000])
})

it('begins anew after something worked', () => {
  const backoff = createBackoff(() => 1)
  for (let i = 0; i < 9; i++) backoff.next()
  backoff.reset()
  expect(backoff.next()).toBe(50)
})

it('is never hot and never blind, however often and whatever the dice say', () => {
  fc.assert(
    fc.property(fc.array(random, { minLength: 1, maxLength: 3_000 }), (dice) => {
      let index = 0
      const backoff = createBackoff(() => dice[index++ % dice.length] ?? 0)
      for (let i = 0; i < dice.length; i++) {
        const wait = backoff.next()
        expect(wait).toBeGreaterThanOrEqual(25)
        expect(wait).toBeLessThanOrEqual(5_000)
      }
    }),
  )
})

it('spreads clients that lost the same server', () => {
  const [early, late] = [createBackoff(() => 0), createBackoff(() => 1)]
  for (let i = 0; i < 8; i++) expect(late.next()).toBe(early.next() * 2)
})
