import { describe, expect, it } from 'vitest'
import {
  presenceOf,
  removalInForce,
  seeNamespace,
  type Known,
  type Presence,
  type SeenNamespace,
} from '#shared/instance/known.ts'
import { namespace } from '#shared/instance/namespace.ts'
import { specOf } from './builders.ts'

const spec = specOf()
const there: SeenNamespace = { uid: 'uid-1', resourceVersion: '3', ours: true, leaving: false, applied: 7, spec }
const removed = { revision: 7, uid: 'uid-1' }

describe('an event of revision 8 for an instance', () => {
  const rows: [string, Partial<Known>, Presence['is']][] = [
    ['that stands finds it', { namespace: there }, 'there'],
    ['that nobody has asked for yet comes too early', {}, 'not yet'],
    ['that is still being made comes too early', { namespace: { ...there, applied: undefined } }, 'not yet'],
    ['that an older revision removed waits for the next of the name', { tombstone: removed }, 'not yet'],
    ['that a newer revision removed is over', { tombstone: { ...removed, revision: 9 } }, 'removed'],
    ['that its own revision removed is over', { tombstone: { ...removed, revision: 8 } }, 'removed'],
    ['that is being removed by a newer one is over', at({ leaving: true }, { ...removed, revision: 9 }), 'removed'],
    ['whose removal has begun waits until it is gone', at({}, removed), 'not yet'],
    ['that leaves without a word waits until it is gone', { namespace: { ...there, leaving: true } }, 'not yet'],
    ['made since the removal finds the new one', at({ uid: 'uid-2' }, { ...removed, revision: 9 }), 'there'],
    ['whose namespace is somebody else’s is refused', { namespace: { ...there, ours: false } }, 'not ours'],
    ['whose namespace has no spec is refused', { namespace: { ...there, spec: undefined } }, 'not ours'],
  ]
  it.each(rows)('%s', (_, known, is) => {
    expect(presenceOf({ namespace: undefined, tombstone: undefined, ...known }, 'shop', 8).is).toBe(is)
  })
})

function at(changes: Partial<SeenNamespace>, tombstone: Known['tombstone']): Known {
  return { namespace: { ...there, ...changes }, tombstone }
}

describe('a removal', () => {
  it('is in force for the namespace it was about, also when that is gone, and not for the next one', () => {
    expect(removalInForce(at({}, removed))).toEqual(removed)
    expect(removalInForce({ namespace: undefined, tombstone: removed })).toEqual(removed)
    expect(removalInForce(at({ uid: 'uid-2' }, removed))).toBeUndefined()
    expect(removalInForce(at({}, undefined))).toBeUndefined()
  })
})

describe('a namespace', () => {
  it('is read as it was written', () => {
    const { metadata } = namespace(spec, 5)
    expect(seeNamespace({ metadata: { ...metadata, uid: 'uid-1', resourceVersion: '3' } })).toEqual({
      ...there,
      applied: 5,
    })
    expect(seeNamespace(namespace(spec, 'nothing')).applied).toBeUndefined()
  })

  it('of somebody else is told apart, and so is one that leaves', () => {
    expect(seeNamespace({ metadata: { name: 'instance-shop' } }).ours).toBe(false)
    expect(seeNamespace({ metadata: { deletionTimestamp: '2026-11-23T12:00:00Z' } }).leaving).toBe(true)
  })
})
