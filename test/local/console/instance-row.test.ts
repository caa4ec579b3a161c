import { describe, expect, it } from 'vitest'
import { inWords, rowOf } from '#local/console/instance-row.ts'
import type { Activity } from '#shared/wake/contract.ts'
import { activity, deployment, type Told } from './world.ts'

const now = Temporal.Instant.from('2026-11-23T12:00:00Z')
const row = (told: Told = {}, activities: readonly Activity[] = []) =>
  rowOf({ deployment: deployment(told), activities, now, idleTimeoutMs: 120_000 })

describe('one instance on the console', () => {
  it.each([
    ['awake when its pod is ready', {}, 'awake'],
    ['waking when a replica is wanted and none is ready', { ready: 0 }, 'waking'],
    ['asleep without a replica', { replicas: 0 }, 'asleep'],
    ['falling asleep while its pod ends', { replicas: 0, pods: 1 }, 'falling asleep'],
    ['suspended whatever its pods do', { status: 'suspended' }, 'suspended'],
    ['disabled', { status: 'disabled' }, 'disabled'],
    ['leaving when it is being removed', { deleting: true }, 'leaving'],
  ])('is %s', (_, told, state) => {
    expect(row(told)?.state).toBe(state)
  })

  it('is in trouble when a wake replica gave up on it, and says what that replica says', () => {
    const seen = [activity({ demo: { state: 'failed', why: 'image-pull: no such image' } })]
    expect(row({ ready: 0 }, seen)).toMatchObject({ state: 'in trouble', why: 'image-pull: no such image' })
  })

  it('was last used when the replica that saw it last says so', () => {
    const seen = [
      activity({ demo: { idleMs: 90_000 } }),
      activity({ demo: { idleMs: 30_000 } }, 'wake-2'),
      activity({}),
    ]
    expect(row({ why: 'woken by a visit' }, seen)).toMatchObject({
      lastActivityMs: 30_000,
      why: 'woken by a visit · used 30 s ago, may sleep in 90 s',
    })
  })

  it('says when it is due to sleep, and when a request keeps it awake', () => {
    expect(row({}, [activity({ demo: { idleMs: 125_000 } })])?.why).toContain('about to be put to sleep')
    expect(row({}, [activity({ demo: { idleMs: 1, inFlight: 2 } })])?.why).toContain('2 requests are in flight')
  })

  it('adds up what all replicas hold', () => {
    const seen = [activity({ demo: { sockets: 1, parked: 2, inFlight: 1 } }), activity({ demo: { sockets: 1 } })]
    expect(row({}, seen)).toMatchObject({ sockets: 4, inFlight: 1 })
  })

  it('tells why it sleeps in the words of whoever put it to sleep', () => {
    expect(row({ replicas: 0, why: 'nobody used it for 15 min' })).toMatchObject({
      why: 'nobody used it for 15 min',
      sinceMs: 60_000,
      lastActivityMs: undefined,
    })
  })

  it('tells what can be told where nobody has written down why, as npm run why does', () => {
    expect(row({ replicas: 0 })?.why).toBe('Asleep, and nobody has written down why')
    expect(row()?.why).toMatch(/^Awake since .*; woken by somebody who left no word/)
  })

  it('is not made of a Deployment that is no instance', () => {
    const foreign = { ...deployment(), metadata: { name: 'traefik', namespace: 'traefik-system' } }
    expect(rowOf({ deployment: foreign, activities: [], now, idleTimeoutMs: 1 })).toBeUndefined()
  })

  it.each([
    [0, '0 s'],
    [119_000, '119 s'],
    [120_000, '2 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 days'],
  ])('says %i ms in words', (ms, words) => {
    expect(inWords(ms)).toBe(words)
  })
})
