import { describe, expect, it } from 'vitest'

import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isNotFound,
  isUnavailable,
  type KubernetesError,
} from '#shared/k8s/errors.ts'
import { noAnswer, refused, secretValues } from '#shared/k8s/status.ts'

const call = { verb: 'patch', resource: 'deployments/scale', name: 'odoo', namespace: 'n' }
const status = (fields: object) => JSON.stringify({ kind: 'Status', apiVersion: 'v1', ...fields })

describe('an answer that is no success', () => {
  it('keeps what the API server said', () => {
    const details = { name: 'odoo', kind: 'deployments', causes: [{ reason: 'FieldValueInvalid', field: 'spec' }] }
    const body = status({ code: 422, reason: 'Invalid', message: 'spec: no', details })
    expect(refused(call, 422, body, [])).toMatchObject({
      status: 422,
      reason: 'Invalid',
      details,
      call,
      message: 'patch deployments/scale odoo in n: 422 Invalid: spec: no',
    })
  })

  it.each([
    ['is HTML of somebody in between', 502, '<html>Bad Gateway</html>', 'Unknown', '<html>Bad Gateway</html>'],
    ['is empty', 503, '', 'ServiceUnavailable', ''],
    ['is JSON of something else', 500, '{"error":"x"}', 'InternalError', '{"error":"x"}'],
    ['is JSON null', 404, 'null', 'NotFound', 'null'],
    ['has no reason', 403, status({ message: 'no' }), 'Forbidden', 'no'],
    ['is endless', 500, 'x'.repeat(10_000), 'InternalError', 'x'.repeat(200)],
  ])('is an error too when it %s', (_, code, body, reason, message) => {
    const error = refused(call, code, body, [])
    expect(error).toMatchObject({ status: code, reason })
    expect(error.message).toBe(`patch deployments/scale odoo in n: ${code} ${reason}: ${message}`)
  })

  it('repeats no secret that was sent, neither encoded nor decoded', () => {
    const secrets = secretValues({
      data: { a: Buffer.from('hunter22').toString('base64') },
      stringData: { b: 'swordfish' },
    })
    const message = `hunter22 ${Buffer.from('hunter22').toString('base64')} swordfish and the rest`
    expect(refused(call, 422, status({ message }), secrets).message).toMatch(/: … … … and the rest$/)
  })

  it('repeats no value of a JSON patch either', () => {
    const secrets = secretValues([{ op: 'replace', path: '/data/password', value: 'aHVudGVyMjI=' }])
    expect([...secrets]).toEqual(['aHVudGVyMjI=', 'hunter22'])
  })

  it('keeps names of fields and objects in the message', () => {
    const secrets = secretValues({ metadata: { name: 'odoo-secrets' }, type: 'Opaque', data: {} })
    expect([...secrets]).toEqual([])
  })
})

describe('no answer at all', () => {
  it('keeps its cause', () => {
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:6443')
    const error = noAnswer(call, 'Unreachable', cause)
    expect(error).toMatchObject({ status: 0, reason: 'Unreachable', cause })
    expect(error.message).toBe(`patch deployments/scale odoo in n: Unreachable: ${cause.message}`)
  })

  it('says the first of many causes when they have no common message', () => {
    const cause = new AggregateError([new Error('connect ECONNREFUSED ::1'), new Error('other')])
    expect(noAnswer(call, 'Unreachable', cause).message).toContain('ECONNREFUSED ::1')
  })
})

describe('an error is told apart', () => {
  const of = (code: number, reason = '') => refused(call, code, status({ reason }), [])
  const tests = { isNotFound, isConflict, isAlreadyExists, isForbidden, isUnavailable }
  const rows: readonly [string, unknown, readonly (keyof typeof tests)[]][] = [
    ['404', of(404), ['isNotFound']],
    ['409 Conflict', of(409, 'Conflict'), ['isConflict']],
    ['409 AlreadyExists', of(409, 'AlreadyExists'), ['isAlreadyExists']],
    ['403', of(403), ['isForbidden']],
    ['422', of(422), []],
    ['429', of(429), ['isUnavailable']],
    ['500', of(500), ['isUnavailable']],
    ['no answer', noAnswer(call, 'TimedOut', new Error('late')), ['isUnavailable']],
    ['an error of somebody else with a status', Object.assign(new Error('x'), { status: 404 }), []],
    ['no error', undefined, []],
  ]
  it.each(rows)('%s', (_, error, expected) => {
    const told = Object.entries(tests).filter(([, test]: [string, (e: unknown) => e is KubernetesError]) => test(error))
    expect(told.map(([name]) => name)).toEqual(expected)
  })
})
