import { describe, expect, it } from 'vitest'
import { asPostgresError, PostgresUnavailable, TemplateMissing } from '#shared/postgres/errors.ts'

const withCode = (code: string, message = 'said so') => Object.assign(new Error(message), { code })

describe('an error of PostgreSQL', () => {
  it.each([
    ['a refused connection', withCode('ECONNREFUSED')],
    ['a host that does not resolve', withCode('EAI_AGAIN')],
    ['a connection that broke', new Error('Connection terminated unexpectedly')],
    ['a server that does not answer', new Error('timeout expired')],
    ['a server that starts', withCode('57P03')],
    ['a backend that was terminated', withCode('57P01')],
    ['no connection left', withCode('53300')],
    ['a disk that is full', withCode('53100')],
    ['a template in use', withCode('55006')],
    ['a lock that was not had in time', withCode('55P03')],
    ['two grants at once', withCode('XX000', 'tuple concurrently updated')],
  ])('is passing when it is %s', (_, error) => {
    expect(asPostgresError(error)).toBeInstanceOf(PostgresUnavailable)
  })

  it.each([
    ['a missing right', withCode('42501')],
    ['a wrong password', withCode('28P01')],
    ['a fault of the server', withCode('XX000', 'cache lookup failed')],
    ['a fault of ours', new Error('undefined is not a function')],
  ])('is not when it is %s', (_, error) => {
    expect(asPostgresError(error)).not.toBeInstanceOf(PostgresUnavailable)
  })

  it('keeps the state and the detail, which often names the thing', () => {
    const error = asPostgresError(Object.assign(withCode('55006', 'in use'), { detail: 'There is 1 other session.' }))
    expect(error).toMatchObject({ sqlstate: '55006', message: 'in use: There is 1 other session.' })
  })

  it('stays what it is when it is ours already', () => {
    const missing = new TemplateMissing('template_odoo_99')
    expect(asPostgresError(missing)).toBe(missing)
  })
})
