import { describe, expect, it } from 'vitest'
import { createPlaces, type PlaceLimits } from '#functions/wake/tabs/places.ts'
import { entryOf } from '#test/functions/wake/instance/rooms-of.ts'

function placesWith(limits: Partial<PlaceLimits>): ReturnType<typeof createPlaces> & { full: string[] } {
  const full: string[] = []
  const places = createPlaces({ perClient: 10, perInstance: 10, total: 10, ...limits }, (budget) => full.push(budget))
  return Object.assign(places, { full })
}

describe('places for open tabs', () => {
  it.each([
    ['of one client', { perClient: 2 }, 'parked per client'],
    ['of one instance', { perInstance: 2 }, 'parked per instance'],
    ['in all', { total: 2 }, 'parked in all'],
  ])('are bounded: %s', (_what, limits, budget) => {
    const places = placesWith(limits)
    const entry = entryOf()
    const first = places.take(entry, '2001:db8::1')
    places.take(entry, '2001:db8::2')
    expect(places.take(entry, '2001:db8::3')).toBeUndefined()
    expect(places.full).toEqual([budget])
    first?.()
    first?.()
    expect(entry.usage?.parked).toBe(1)
    expect(places.take(entry, '2001:db8::3')).toBeDefined()
    expect(places.take(entry, '2001:db8::4')).toBeUndefined()
  })

  it('that one client has used up are there for others, and for tabs whose client nobody names', () => {
    const places = placesWith({ perClient: 1 })
    const entry = entryOf()
    places.take(entry, '203.0.113.9')
    expect(places.take(entry, '203.0.113.9')).toBeUndefined()
    expect(places.take(entry, '203.0.113.10')).toBeDefined()
    expect(places.take(entry, undefined)).toBeDefined()
    expect(places.take(entry, undefined)).toBeDefined()
  })
})
