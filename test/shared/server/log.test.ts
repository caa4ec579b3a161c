import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLog, type Log } from '#shared/server/log.ts'

function logging(use: (log: Log) => void): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  use(createLog('sleep', { level: 'debug', write: (line) => void lines.push(JSON.parse(line)) }))
  return lines
}

describe('shared/server/log', () => {
  it('writes one JSON line with fixed keys', () => {
    expect(logging((log) => log.info({ instance: 'demo' }, 'asleep'))).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        function: 'sleep',
        instance: 'demo',
        message: 'asleep',
      },
    ])
  })

  it('gives a child what its parent was given', () => {
    expect(logging((log) => log.child({ instance: 'demo', token: 't' }).warn({ a: 1 }, 'x'))).toMatchObject([
      { function: 'sleep', instance: 'demo', token: '[hidden]', a: 1, level: 'warn' },
    ])
  })

  it.each([
    'password',
    'PGPASSWORD',
    'adminPasswd',
    'token',
    'accessToken',
    'authorization',
    'Cookie',
    'set-cookie',
    'clientSecret',
    'privateKey',
    'private_key',
    'apiKey',
    'credentials',
    'verifier',
  ])('hides %s wherever it is', (key) => {
    const [line] = logging((log) => log.error({ [key]: 'hunter2', deep: { list: [{ [key]: { x: 'hunter2' } }] } }, 'x'))
    expect(JSON.stringify(line)).not.toContain('hunter2')
    expect(line).toMatchObject({ [key]: '[hidden]', deep: { list: [{ [key]: '[hidden]' }] } })
  })

  it('hides passwords in connection strings and in Authorization values, also inside errors', () => {
    const error = new Error('cannot reach postgres://u:hunter2@db/x', { cause: new Error('Bearer hunter2hunter2') })
    const text = JSON.stringify(logging((log) => log.error({ error, url: 'http://:hunter2@host/' }, 'x')))
    expect(text).not.toContain('hunter2')
    expect(text).toContain('postgres://u:[hidden]@db/x')
  })

  it('shows an error with name, message, stack, cause and what it carries', () => {
    const error = Object.assign(new TypeError('boom', { cause: new Error('why') }), { status: 503 })
    expect(logging((log) => log.error({ error }, 'x'))).toMatchObject([
      {
        error: {
          name: 'TypeError',
          message: 'boom',
          status: 503,
          stack: expect.stringContaining('boom'),
          cause: { message: 'why' },
        },
      },
    ])
  })

  it('keeps numbers and booleans whatever their name', () => {
    expect(logging((log) => log.info({ tokens: 3, hasPassword: true }, 'x'))).toMatchObject([
      { tokens: 3, hasPassword: true },
    ])
  })

  it('survives a loop', () => {
    const loop: Record<string, unknown> = {}
    loop['loop'] = loop
    expect(JSON.stringify(logging((log) => log.info(loop, 'x')))).toContain('[too deep]')
  })

  it('survives anything', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.anything()),
        (fields) => void logging((log) => log.info({ fields }, 'x')),
      ),
    )
  })
})
