import { describe, expect, it } from 'vitest'
import { decide, type Decision } from '#functions/remove/decide.ts'
import type { Known, SeenNamespace } from '#shared/instance/known.ts'
import { specOf } from '#test/shared/instance/builders.ts'

const requested = { name: 'shop', revision: 9, uid: 'uid-1', keepDatabase: false }
const spec = specOf({ revision: 1 })
const there: SeenNamespace = { uid: 'uid-1', resourceVersion: '3', ours: true, leaving: false, applied: 1, spec }
const mark = { revision: 9, uid: 'uid-1' }

describe('a removal of revision 9', () => {
  it.each<[string, Partial<Known>, object]>([
    ['takes down what stands', { namespace: there }, { do: 'take down', tombstone: mark }],
    [
      'takes down what was never finished',
      { namespace: { ...there, applied: undefined } },
      { do: 'take down', tombstone: mark },
    ],
    [
      'takes down what changed since in tier and status',
      { namespace: { ...there, spec: { ...spec, revisions: { requested: 1, tier: 10, status: 11 } } } },
      { do: 'take down' },
    ],
    [
      'is nothing after a newer request',
      { namespace: { ...there, spec: specOf({ revision: 10 }) } },
      { do: 'nothing', why: 'revision 9 is older than 10, which asked for the instance again' },
    ],
    ['sees a namespace leave', { namespace: { ...there, leaving: true } }, { do: 'see it leave', tombstone: mark }],
    ['takes the database when the namespace is gone', {}, { do: 'take the database', tombstone: mark }],
    [
      'takes only what says that it is of the one named when another has its name',
      { namespace: { ...there, uid: 'uid-2' } },
      { do: 'take what is surely its own' },
    ],
    ['refuses a namespace that is none of ours', { namespace: { ...there, ours: false } }, { do: 'refuse' }],
  ])('%s', (_, known, decision) => {
    expect(decided(known)).toMatchObject(decision)
  })

  it.each<[string, Partial<Known>, object | undefined]>([
    ['is written once', { namespace: there, tombstone: mark }, undefined],
    [
      'names the present namespace instead of an earlier one',
      { namespace: there, tombstone: { revision: 9, uid: 'uid-0' } },
      mark,
    ],
    [
      'never goes back to an older revision',
      { namespace: there, tombstone: { revision: 12, uid: 'uid-0' } },
      { revision: 12, uid: 'uid-1' },
    ],
    ['stands when a later namesake was removed too', { tombstone: { revision: 12, uid: 'uid-2' } }, undefined],
    ['follows the newest removal', { tombstone: { revision: 3, uid: 'uid-0' } }, mark],
  ])('leaves a tombstone that %s', (_, known, wanted) => {
    const decision = decided(known)
    expect('tombstone' in decision ? decision.tombstone : 'none at all').toEqual(wanted)
  })
})

function decided(known: Partial<Known>): Decision {
  return decide({ requested, known: { namespace: undefined, tombstone: undefined, ...known } })
}
