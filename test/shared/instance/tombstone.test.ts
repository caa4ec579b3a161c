import { describe, expect, it } from 'vitest'
import { oldTombstones, readTombstone, tombstone } from '#shared/instance/tombstone.ts'

const at = Temporal.Instant.from('2026-12-31T23:30:00Z')

describe('a tombstone', () => {
  it('says which revision took which namespace away, and in which month', () => {
    const made = tombstone('shop', { revision: 9, uid: 'uid-1' }, at, 'platxa')
    expect(made).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'removed-shop',
        namespace: 'platxa',
        labels: {
          'app.kubernetes.io/instance': 'shop',
          'app.kubernetes.io/managed-by': 'platxa-functions',
          'app.kubernetes.io/part-of': 'platxa',
          'platxa.io/removed-in': '2026-12',
        },
      },
      data: { revision: '9', uid: 'uid-1', removedAt: '2026-12-31T23:30:00Z' },
    })
    expect(readTombstone(made)).toEqual({ revision: 9, uid: 'uid-1' })
  })

  it.each([
    ['nothing in it', undefined],
    ['no uid', { revision: '9' }],
    ['a revision that is no number', { revision: 'x', uid: 'uid-1' }],
  ])('with %s is none', (_, data) => {
    expect(readTombstone(data === undefined ? {} : { data })).toBeUndefined()
  })

  it('is old when it is of neither this month nor the last', () => {
    expect(oldTombstones(at)).toBe('platxa.io/removed-in,platxa.io/removed-in notin (2026-12,2026-11)')
    expect(oldTombstones(at.add({ hours: 1 }))).toContain('(2027-01,2026-12)')
  })
})
