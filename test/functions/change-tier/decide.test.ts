import { describe, expect, it } from 'vitest'
import { decide, howTo, type How, type Running, type Wish } from '#functions/change-tier/decide.ts'
import { inOrder } from '#functions/change-tier/order.ts'
import { makeEvent } from '#shared/events/emit.ts'
import type { Tier } from '#shared/events/catalogue.ts'
import type { Known, SeenNamespace } from '#shared/instance/known.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import { instance } from '#test/functions/instances.ts'
import { platformOf, secrets, specOf } from '#test/shared/instance/builders.ts'

const spec = specOf({ revision: 1, tier: 'free' })
const source = '//instance-manager'
const changed = makeEvent({
  type: 'io.platxa.instance.tier.changed.v1',
  source,
  id: 'tier-5',
  data: { name: 'shop', revision: 5, tier: 'pro', apply: 'when-asleep' },
})
const slept = makeEvent({
  type: 'io.platxa.instance.slept.v1',
  source,
  id: 'slept-1',
  data: { name: 'shop', awakeSeconds: 60, why: 'nobody used it' },
})
const pendingTier = { tier: 'pro' as const, revision: 5, is: 'waiting' as const }
const there: SeenNamespace = { uid: 'uid-1', resourceVersion: '3', ours: true, leaving: false, applied: 1, spec }
const bearing = (changes: Partial<InstanceSpec>): Partial<Known> => ({
  namespace: { ...there, spec: { ...spec, ...changes } },
})
const revisions = { requested: 1, tier: 5, status: 0 }

describe('a tier that changed', () => {
  it.each<[string, Partial<Known>, object]>([
    [
      'is wanted from now on',
      bearing({}),
      {
        do: 'pursue',
        wish: { revision: 5, apply: 'when-asleep', told: false },
        spec: { tier: 'free', pendingTier, revision: 5, revisions },
      },
    ],
    ['is pursued again while it is pending', bearing({ pendingTier, revisions }), { do: 'pursue' }],
    [
      'is told again when it was carried out',
      bearing({ tier: 'pro', revisions }),
      { do: 'say it is so', what: { revision: 5, tier: 'pro' } },
    ],
    [
      'is told again when only the Deployment waits for sleep',
      bearing({ tier: 'pro', pendingTier: { ...pendingTier, is: 'resized' }, revisions }),
      { do: 'say it is so' },
    ],
    [
      'is nothing after a newer one',
      bearing({ revisions: { ...revisions, tier: 6 } }),
      { do: 'nothing', why: 'revision 5 is older than 6, which set the tier' },
    ],
    ['is pursued after a newer status', bearing({ revisions: { requested: 1, tier: 1, status: 9 } }), { do: 'pursue' }],
    ['waits for an instance that is not there yet', {}, { do: 'wait' }],
    ['is nothing for one that is removed', { tombstone: { revision: 6, uid: 'uid-1' } }, { do: 'nothing' }],
    ['is refused where the namespace is none of ours', { namespace: { ...there, ours: false } }, { do: 'refuse' }],
  ])('%s', (_, known, decision) => {
    expect(decide({ event: changed, known: { namespace: undefined, tombstone: undefined, ...known } })).toMatchObject(
      decision,
    )
  })
})

describe('an instance that fell asleep', () => {
  it.each<[string, Partial<Known>, object]>([
    ['gets the tier that waited for it', bearing({ pendingTier, revisions }), { do: 'pursue', wish: { revision: 5 } }],
    [
      'gets the Deployment of a tier that it has in place already, and nobody is told twice',
      bearing({ tier: 'pro', pendingTier: { ...pendingTier, is: 'resized' }, revisions }),
      { do: 'pursue', wish: { told: true } },
    ],
    [
      'is answered the same when its event comes again',
      bearing({ tier: 'pro', revisions, tierSettledBy: `${source} slept-1` }),
      { do: 'say it is so', what: { revision: 5, tier: 'pro' } },
    ],
    [
      'needs nothing at its next sleep',
      bearing({ tier: 'pro', revisions, tierSettledBy: `${source} slept-0` }),
      { do: 'nothing' },
    ],
    ['needs nothing where no tier waits', bearing({}), { do: 'nothing' }],
    ['needs nothing when it is gone', {}, { do: 'nothing' }],
    [
      'needs nothing when it is being removed',
      { ...bearing({ pendingTier, revisions }), tombstone: { revision: 6, uid: 'uid-1' } },
      { do: 'nothing' },
    ],
  ])('%s', (_, known, decision) => {
    expect(decide({ event: slept, known: { namespace: undefined, tombstone: undefined, ...known } })).toMatchObject(
      decision,
    )
  })
})

const Mi = 1024 * 1024
const now: Wish = { revision: 5, apply: 'now', told: false }
const whenAsleep: Wish = { ...now, apply: 'when-asleep' }
const running = (workers: number, memoryMi: number): Running => ({
  restarting: false,
  instance: instance({ workers }),
  memoryBytes: memoryMi * Mi,
})

describe('the way to a tier', () => {
  it.each<[string, Tier, Wish, Running, How]>([
    [
      'is free while asleep',
      'pro',
      whenAsleep,
      { ...running(0, 512), instance: instance({ replicas: 0 }) },
      'while it is asleep',
    ],
    [
      'now is the same while asleep',
      'pro',
      now,
      { ...running(0, 512), instance: instance({ replicas: 0 }) },
      'while it is asleep',
    ],
    ['waits for sleep', 'pro', whenAsleep, running(0, 512), 'wait for its sleep'],
    ['now is a restart where threads become processes', 'pro', now, running(0, 512), 'by a restart'],
    ['now is a restart where the number of workers changes', 'team', now, running(2, 1024), 'by a restart'],
    ['now is none where the workers stay and the memory grows', 'pro', now, running(2, 768), 'in place'],
    ['now is none where only cpu changes', 'pro', now, running(2, 1024), 'in place'],
    ['now is a restart that was begun before', 'pro', now, { ...running(2, 1024), restarting: true }, 'by a restart'],
    ['now is a restart where memory shrinks', 'pro', now, running(2, 1536), 'by a restart'],
    [
      'now is a restart where no pod runs yet',
      'pro',
      now,
      { ...running(2, 0), memoryBytes: undefined },
      'by a restart',
    ],
    [
      'needs nothing that runs where there is no Deployment',
      'pro',
      now,
      { ...running(2, 0), instance: undefined },
      'while it is asleep',
    ],
  ])('%s', (_, tier, wish, seen, how) => {
    expect(howTo(tier, wish, seen, 'fit')).toBe(how)
  })

  it('counts the workers by the policy of the platform', () => {
    expect(howTo('pro', now, running(4, 768), 'published')).toBe('in place')
    expect(howTo('pro', now, running(4, 768), 'fit')).toBe('by a restart')
  })
})

describe('the order of the objects', () => {
  const kinds = (to: Tier, from: Tier) => {
    const objects = instanceObjects(specOf({ tier: to }), platformOf(), secrets)
    const said = /^(ResourceQuota|LimitRange|ConfigMap|Service|Deployment)$/
    const ordered = inOrder(objects, to, from).map(({ kind }) => kind)
    return [...new Set(ordered.filter((kind) => said.test(kind)))].join(' ')
  }
  it.each<[string, Tier, Tier, string]>([
    ['upwards: room first, the pod last', 'pro', 'free', 'ResourceQuota LimitRange ConfigMap Service Deployment'],
    [
      'downwards: the pod first, less room last',
      'free',
      'pro',
      'ConfigMap Service Deployment LimitRange ResourceQuota',
    ],
    ['at the same size it is that of growing', 'pro', 'pro', 'ResourceQuota LimitRange ConfigMap Service Deployment'],
  ])('%s', (_, to, from, order) => {
    expect(kinds(to, from)).toBe(order)
  })

  it('leaves none out', () => {
    const objects = instanceObjects(specOf(), platformOf(), secrets)
    expect(inOrder(objects, 'free', 'pro').toSorted(byName)).toEqual(objects.toSorted(byName))
  })
})

function byName(one: { metadata: { name: string } }, other: { metadata: { name: string } }): number {
  return one.metadata.name.localeCompare(other.metadata.name)
}
