import { describe, expect, it } from 'vitest'
import { decide, type Seen } from '#functions/provision/decide.ts'
import type { Known, SeenNamespace } from '#shared/instance/known.ts'
import { instanceSpec } from '#shared/instance/spec.ts'
import type { Survey } from '#shared/postgres/survey.ts'

const requested: Seen['requested'] = {
  name: 'shop',
  revision: 7,
  ownerId: 'owner-1',
  tier: 'pro',
  odooVersion: '19',
  hosts: ['shop.example.com'],
}
const spec = instanceSpec.parse({ ...requested, revision: 6, adminLogin: 'first@example.com', status: 'suspended' })
const nothingYet: Survey = { clone: undefined, obstacle: undefined, templateExists: true }
const cloned: Survey = { ...nothingYet, clone: { origin: { template: 'template_odoo_19', uid: 'uid-1' } } }
const there: SeenNamespace = { uid: 'uid-1', resourceVersion: '3', ours: true, leaving: false, applied: 6, spec }
const newer: SeenNamespace = { ...there, spec: { ...spec, revisions: { requested: 8, tier: 8, status: 0 } } }
const removed = { revision: 7, uid: 'uid-1' }

type Row = readonly [what: string, seen: Partial<Known & Pick<Seen, 'requested' | 'survey'>>, decision: object]

function decided({ namespace, tombstone, ...seen }: Row[1]) {
  return decide({ requested, known: { namespace, tombstone }, survey: nothingYet, ...seen })
}

describe('provisioning', () => {
  it.each<Row>([
    ['begins where nothing is', {}, { do: 'provision', spec: { revision: 7, status: 'active', adminLogin: 'admin' } }],
    ['goes on where a namespace is and no database', { namespace: there }, { do: 'provision' }],
    [
      'converges again on the same revision',
      {
        namespace: {
          ...there,
          applied: 7,
          spec: { ...spec, revision: 7, revisions: { requested: 7, tier: 7, status: 0 } },
        },
        survey: cloned,
      },
      { do: 'provision' },
    ],
    [
      'takes a newer revision',
      { namespace: there, survey: cloned },
      { do: 'provision', spec: { revision: 7, tier: 'pro' } },
    ],
    [
      'ignores an older revision',
      { namespace: newer, survey: cloned },
      { do: 'nothing', why: 'revision 7 is older than 8, which asked for it again' },
    ],
    [
      'ignores an older revision even when it could not be fulfilled',
      { namespace: newer, survey: { ...nothingYet, templateExists: false } },
      { do: 'nothing' },
    ],
    [
      'does not bring back what its own revision removed, and says so',
      { tombstone: removed },
      { do: 'refuse', step: 'removed', reason: expect.stringContaining('removed by revision 7') },
    ],
    ['does not bring back what is just being removed', { namespace: there, tombstone: removed }, { do: 'refuse' }],
    ['begins anew where an older revision removed', { tombstone: { ...removed, revision: 6 } }, { do: 'provision' }],
    [
      'waits until what an older revision removes is gone',
      { namespace: there, tombstone: { ...removed, revision: 6 } },
      { do: 'wait' },
    ],
    ['waits for a namesake to be gone', { namespace: { ...there, leaving: true } }, { do: 'wait' }],
    [
      'refuses a namespace that is not ours',
      { namespace: { ...there, ours: false } },
      { do: 'refuse', step: 'namespace' },
    ],
    [
      'refuses a template that does not exist, by name',
      { survey: { ...nothingYet, templateExists: false } },
      { do: 'refuse', step: 'template', reason: 'there is no database template "template_odoo_19"' },
    ],
    [
      'does not ask for the template of a database that is there',
      { namespace: there, survey: { ...cloned, templateExists: false } },
      { do: 'provision' },
    ],
    [
      'refuses a database that somebody else made',
      { survey: { ...nothingYet, obstacle: 'database "odoo_shop" belongs to "dba"' } },
      { do: 'refuse', step: 'database', reason: 'database "odoo_shop" belongs to "dba"' },
    ],
    [
      'refuses what an earlier instance of the name left, when there is no namespace',
      { survey: cloned },
      { do: 'refuse', step: 'database', reason: 'database "odoo_shop" is that of an earlier instance of this name' },
    ],
    [
      'refuses what an earlier instance of the name left, when the namespace is another',
      { namespace: { ...there, uid: 'uid-2' }, survey: cloned },
      { do: 'refuse', step: 'database' },
    ],
    [
      'refuses another version of Odoo for a database that is there',
      { requested: { ...requested, odooVersion: '18' }, namespace: there, survey: cloned },
      { do: 'refuse', step: 'version', reason: 'the database is one of Odoo 19: an upgrade is not provisioning' },
    ],
    [
      'takes another version of Odoo while there is no database',
      { requested: { ...requested, odooVersion: '18' }, namespace: there },
      { do: 'provision', spec: { odooVersion: '18', template: 'template_odoo_18' } },
    ],
    [
      'refuses a version of Odoo that nobody knows',
      { requested: { ...requested, odooVersion: '29' } },
      { do: 'refuse', step: 'spec', reason: expect.stringMatching(/^odooVersion /) },
    ],
  ])('%s', (_, seen, decision) => {
    expect(decided(seen)).toMatchObject(decision)
  })

  it('keeps what was decided when the database was made, and the status the owner is in', () => {
    const later = { ...requested, adminLogin: 'second@example.com', template: 'template_other' }
    expect(decided({ requested: later, namespace: there, survey: cloned })).toMatchObject({
      spec: { adminLogin: 'first@example.com', template: 'template_odoo_19', status: 'suspended' },
    })
    expect(decided({ requested: later, namespace: there, survey: nothingYet })).toMatchObject({
      spec: { adminLogin: 'second@example.com', template: 'template_other', status: 'suspended' },
    })
  })
})
