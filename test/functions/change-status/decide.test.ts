import { describe, expect, it } from 'vitest'
import { decide, whyAsleep, type Seen } from '#functions/change-status/decide.ts'
import type { Known, SeenNamespace } from '#shared/instance/known.ts'
import { specOf } from '#test/shared/instance/builders.ts'

const spec = specOf({ revision: 1 })
const there: SeenNamespace = { uid: 'uid-1', resourceVersion: '3', ours: true, leaving: false, applied: 1, spec }
const changed: Seen['changed'] = { name: 'shop', revision: 5, status: 'suspended' }

type Row = readonly [what: string, known: Partial<Known>, changes: Partial<Seen['changed']>, decision: object]

describe('changing the status', () => {
  it.each<Row>([
    ['locks out who is suspended', { namespace: there }, {}, { do: 'lock out', spec: { status: 'suspended' } }],
    ['locks out who is disabled', { namespace: there }, { status: 'disabled' }, { do: 'lock out', status: 'disabled' }],
    ['lets in who is active', { namespace: there }, { status: 'active' }, { do: 'let in', spec: { status: 'active' } }],
    [
      'is done again for the same revision',
      { namespace: { ...there, spec: { ...spec, revisions: { requested: 1, tier: 1, status: 5 } } } },
      {},
      { do: 'lock out' },
    ],
    [
      'is done after a newer revision of something else',
      { namespace: { ...there, applied: 9, spec: { ...spec, revisions: { requested: 9, tier: 9, status: 0 } } } },
      {},
      { do: 'lock out' },
    ],
    [
      'is nothing after a newer status',
      { namespace: { ...there, spec: { ...spec, revisions: { requested: 1, tier: 1, status: 6 } } } },
      {},
      { do: 'nothing', why: 'revision 5 is older than 6, which set the status' },
    ],
    ['waits for an instance that is not there yet', {}, {}, { do: 'wait' }],
    ['waits for one that is being made', { namespace: { ...there, applied: undefined } }, {}, { do: 'wait' }],
    ['is nothing for one that is removed', { tombstone: { revision: 6, uid: 'uid-1' } }, {}, { do: 'nothing' }],
    ['refuses a namespace that is none of ours', { namespace: { ...there, ours: false } }, {}, { do: 'refuse' }],
  ])('%s', (_, known, changes, decision) => {
    const seen = {
      known: { namespace: undefined, tombstone: undefined, ...known },
      changed: { ...changed, ...changes },
    }
    expect(decide(seen)).toMatchObject(decision)
  })

  it('says why in words', () => {
    expect(whyAsleep('suspended', undefined)).toBe('Asleep: suspended')
    expect(whyAsleep('disabled', 'unpaid since May')).toBe('Asleep: disabled, unpaid since May')
  })
})
