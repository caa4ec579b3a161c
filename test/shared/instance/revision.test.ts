import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventData, Status, Tier } from '#shared/events/catalogue.ts'
import {
  advanceTier,
  appliedAfter,
  beginTier,
  isOutdated,
  mergeRequested,
  mergeStatus,
  mergeTier,
  settleTier,
} from '#shared/instance/revision.ts'
import { readSpec, writeSpec, type InstanceSpec } from '#shared/instance/spec.ts'
import { specOf } from './builders.ts'

const requested = (revision: number, tier: Tier = 'free', hosts = ['shop.platxa.com']) =>
  specOf({ revision, tier, hosts })
const tierChanged = (revision: number, tier: Tier, apply: 'now' | 'when-asleep' = 'now') => ({
  name: 'shop',
  revision,
  tier,
  apply,
})
const statusChanged = (revision: number, status: Status) => ({ name: 'shop', revision, status })
/** The status of revision 6 was applied to what revision 1 asked for. */
const suspended = mergeStatus(requested(1), statusChanged(6, 'suspended')) ?? requested(1)

describe('an event that comes late', () => {
  const rows: [string, InstanceSpec | undefined, object | undefined][] = [
    [
      'of the tier is applied after a newer one of the status',
      mergeTier(suspended, tierChanged(5, 'pro')),
      { tier: 'pro', status: 'suspended', revision: 6, revisions: { requested: 1, tier: 5, status: 6 } },
    ],
    [
      'of the status is applied after a newer one of the tier',
      mergeStatus(specOf({ ...requested(1), revisions: { requested: 1, tier: 9, status: 0 } }), {
        ...statusChanged(6, 'disabled'),
      }),
      { status: 'disabled', revisions: { requested: 1, tier: 9, status: 6 } },
    ],
    ['of the status is nothing after a newer one', mergeStatus(suspended, statusChanged(5, 'active')), undefined],
    [
      'of the tier is nothing after a newer request, which names a tier too',
      mergeTier(requested(7, 'team'), tierChanged(5, 'pro')),
      undefined,
    ],
    ['asking for the instance is nothing after a newer one', mergeRequested(requested(7), requested(5)), undefined],
    [
      'asking for it changes all but a tier that is newer',
      mergeRequested(
        settled(mergeTier(requested(1), tierChanged(9, 'pro'))),
        requested(5, 'team', ['new.example.org']),
      ),
      { tier: 'pro', hosts: ['new.example.org'], revision: 9, revisions: { requested: 5, tier: 9, status: 0 } },
    ],
    [
      'asking for it leaves the status alone',
      mergeRequested(suspended, requested(8, 'team')),
      { tier: 'team', status: 'suspended', revision: 8, revisions: { requested: 8, tier: 8, status: 6 } },
    ],
  ]
  it.each(rows)('%s', (_, merged, wanted) => {
    if (wanted === undefined) expect(merged).toBeUndefined()
    else expect(merged).toMatchObject(wanted)
  })

  it('is applied again when it is the same, because it may have been cut off', () => {
    expect(mergeRequested(requested(7), requested(7))).toEqual(requested(7))
    expect(mergeStatus(suspended, statusChanged(6, 'suspended'))).toEqual(suspended)
    const settledTier = settled(mergeTier(suspended, tierChanged(7, 'pro')))
    expect(settledTier && mergeTier(settledTier, tierChanged(7, 'pro'))).toEqual(settledTier)
  })
})

describe('a tier that waits for sleep', () => {
  const waiting = mergeTier(requested(1), tierChanged(5, 'pro', 'when-asleep')) ?? requested(1)

  it('leaves the objects those of the old one until it begins', () => {
    expect(waiting).toMatchObject({ tier: 'free', pendingTier: { tier: 'pro', revision: 5, is: 'waiting' } })
    expect(beginTier(waiting)).toMatchObject({ tier: 'pro', pendingTier: { tier: 'pro' } })
    expect(settleTier(waiting)).toMatchObject({ tier: 'pro' })
    expect(settleTier(waiting).pendingTier).toBeUndefined()
  })

  it('begins at once when it is wanted now, and is remembered until it is true', () => {
    expect(mergeTier(requested(1), tierChanged(5, 'pro'))).toEqual(beginTier(waiting))
  })

  it('is forgotten when a newer request names another', () => {
    expect(mergeRequested(waiting, requested(6, 'team'))).toMatchObject({ tier: 'team' })
    expect(mergeRequested(waiting, requested(6, 'team'))?.pendingTier).toBeUndefined()
  })

  it('outlives an older request that comes late', () => {
    expect(mergeRequested(waiting, requested(4, 'team'))).toMatchObject({ tier: 'free', pendingTier: { tier: 'pro' } })
  })

  it('keeps that its pod was resized when the same event comes again, and not when another comes', () => {
    const resized = advanceTier(waiting, 'resized')
    expect(resized).toMatchObject({ tier: 'pro', pendingTier: { tier: 'pro', revision: 5, is: 'resized' } })
    expect(mergeTier(resized, tierChanged(5, 'pro'))).toEqual(resized)
    expect(mergeTier(resized, tierChanged(6, 'team'))?.pendingTier).toEqual({
      tier: 'team',
      revision: 6,
      is: 'waiting',
    })
  })

  it('comes back from its namespace as it went in', () => {
    expect(readSpec({ metadata: { annotations: { 'platxa.io/spec': writeSpec(waiting) } } })).toEqual(waiting)
  })
})

describe('a removal', () => {
  it.each([
    ['goes on after newer events of the status', suspended, 5, false],
    ['is outdated by a newer request', requested(7), 5, true],
    ['goes on when it is the newest', requested(7), 8, false],
  ])('%s', (_, spec, revision, outdated) => {
    expect(isOutdated(spec, revision)).toBe(outdated)
  })
})

it('what is applied never goes back', () => {
  expect([appliedAfter(undefined, 3), appliedAfter(6, 5), appliedAfter(6, 7)]).toEqual([3, 6, 7])
})

type Change =
  | { readonly of: 'all'; readonly spec: InstanceSpec }
  | { readonly of: 'tier'; readonly data: EventData<'io.platxa.instance.tier.changed.v1'> }
  | { readonly of: 'status'; readonly data: EventData<'io.platxa.instance.status.changed.v1'> }

function settled(spec: InstanceSpec | undefined): InstanceSpec | undefined {
  return spec && settleTier(spec)
}

/** As the functions do; undefined: there is nothing yet that it could change, so the broker brings it again. */
function merge(spec: InstanceSpec | undefined, change: Change): InstanceSpec | undefined {
  if (change.of === 'all') return mergeRequested(spec, change.spec) ?? spec
  if (spec === undefined) return undefined
  const merged = change.of === 'tier' ? mergeTier(spec, change.data) : mergeStatus(spec, change.data)
  return merged ?? spec
}

function deliver(changes: readonly Change[]): InstanceSpec | undefined {
  const early: Change[] = []
  let spec: InstanceSpec | undefined
  for (const change of changes) {
    const merged = merge(spec, change)
    if (merged === undefined) early.push(change)
    spec = merged ?? spec
  }
  return early.reduce(merge, spec)
}

const anyTier = fc.constantFrom<Tier>('free', 'pro', 'team', 'enterprise')
const anyChange = fc.oneof(
  anyTier.chain((tier) => fc.nat(99).map((n) => ({ of: 'all' as const, tier, hosts: [`h${n}.example.org`] }))),
  fc.record({
    of: fc.constant('tier' as const),
    tier: anyTier,
    apply: fc.constantFrom('now' as const, 'when-asleep' as const),
  }),
  fc.record({
    of: fc.constant('status' as const),
    status: fc.constantFrom<Status>('active', 'suspended', 'disabled'),
  }),
)
const anyHistory = fc
  .tuple(anyTier, fc.array(anyChange, { maxLength: 8 }))
  .map(([tier, later]) => [{ of: 'all' as const, tier, hosts: ['first.example.org'] }, ...later])
  .map((history) => history.map((one, index) => changeOf(one, index + 1)))
  .chain((history) =>
    fc
      .tuple(
        fc.shuffledSubarray(history, { minLength: history.length }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 }),
      )
      .map(([shuffled, doubles]) => ({ history, delivered: withDoubles(shuffled, doubles) })),
  )

function changeOf(one: { of: 'all'; tier: Tier; hosts: string[] } | ChangeOf, revision: number): Change {
  if (one.of === 'all') return { of: 'all', spec: requested(revision, one.tier, one.hosts) }
  if (one.of === 'tier') return { of: 'tier', data: tierChanged(revision, one.tier, one.apply) }
  return { of: 'status', data: statusChanged(revision, one.status) }
}
type ChangeOf = { of: 'tier'; tier: Tier; apply: 'now' | 'when-asleep' } | { of: 'status'; status: Status }

function withDoubles(changes: readonly Change[], doubles: readonly (readonly [number, number])[]): readonly Change[] {
  return doubles.reduce<readonly Change[]>((all, [which, where]) => {
    const double = all[which % all.length]
    return double === undefined ? all : all.toSpliced(where % (all.length + 1), 0, double)
  }, changes)
}

describe('events in any order, with duplicates', () => {
  it('end in the same spec as in their own order', () => {
    fc.assert(
      fc.property(anyHistory, ({ history, delivered }) => {
        expect(settled(deliver(delivered))).toEqual(settled(deliver(history)))
      }),
      { numRuns: 500 },
    )
  })

  it('end in what the newest event of each part says', () => {
    fc.assert(
      fc.property(anyHistory, ({ history, delivered }) => {
        const end = settled(deliver(delivered))
        const all = history.filter((change) => change.of === 'all')
        const statuses = history.filter((change) => change.of === 'status')
        const tiers = history.filter((change) => change.of !== 'status')
        const last = tiers.at(-1)
        expect(end?.hosts).toEqual(all.at(-1)?.spec.hosts)
        expect(end?.status).toBe(statuses.at(-1)?.data.status ?? 'active')
        expect(end?.tier).toBe(last?.of === 'all' ? last.spec.tier : last?.data.tier)
        expect(end?.revision).toBe(history.length)
      }),
      { numRuns: 500 },
    )
  })
})
