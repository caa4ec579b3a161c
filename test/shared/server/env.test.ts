import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cidrList, count, duration, EnvError, flag, port, readEnv, url } from '#shared/server/env.ts'

function read(schema: z.ZodType, value: string): unknown {
  try {
    return readEnv(z.object({ X: schema }), { X: value }).X
  } catch (error) {
    return error instanceof EnvError ? error.faults.join() : error
  }
}

describe('shared/server/env', () => {
  const rows: [string, z.ZodType, string, unknown][] = [
    ['duration', duration, '15m', 900_000],
    ['duration', duration, '90s', 90_000],
    ['duration', duration, '500ms', 500],
    ['duration', duration, '1m30s', 90_000],
    ['duration', duration, '0.5s', 500],
    ['duration', duration, '1d', 86_400_000],
    ['duration', duration, '0s', 0],
    ['duration', duration, '15', 'X must be a duration such as 15m, 90s or 500ms'],
    ['duration', duration, '15 m', 'X must be a duration such as 15m, 90s or 500ms'],
    ['duration', duration, '-1s', 'X must be a duration such as 15m, 90s or 500ms'],
    ['port', port, '8080', 8080],
    ['port', port, '0', 0],
    ['port', port, '65536', 'X must be a port: 0 to 65535'],
    ['port', port, '80a', 'X must be a whole number'],
    ['count', count, '1000', 1000],
    ['count', count, '1e3', 'X must be a whole number'],
    ['flag', flag, 'on', true],
    ['flag', flag, 'TRUE', true],
    ['flag', flag, 'off', false],
    ['flag', flag, 'maybe', 'X must be true or false'],
    ['url', url, 'http://broker/platxa/default', 'http://broker/platxa/default'],
    ['url', url, 'ftp://broker', 'X must be an http or https URL'],
    ['url', url, 'broker', 'X must be an http or https URL'],
    ['cidrList', cidrList, '10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    ['cidrList', cidrList, '10.1.2.3 ::1', ['10.1.2.3/32', '::1/128']],
    [
      'cidrList',
      cidrList,
      '10.0.0.0/8,10.0.0.0/33,x',
      'X must be a list of networks such as 10.0.0.0/8: not 10.0.0.0/33, x',
    ],
    ['cidrList', cidrList, '10.0.0/8', 'X must be a list of networks such as 10.0.0.0/8: not 10.0.0/8'],
    ['cidrList', cidrList, '::ffff:10.0.0.0/104', ['::ffff:10.0.0.0/104']],
    ['cidrList', cidrList, 'fd00::/129', 'X must be a list of networks such as 10.0.0.0/8: not fd00::/129'],
  ]
  it.each(rows)('reads %s %# from %4$j', (_name, schema, text, expected) => {
    expect(read(schema, text)).toEqual(expected)
  })

  it('reports all faults together, each with its variable', () => {
    const schema = z.object({ IDLE_TIMEOUT: duration, PGHOST: z.string(), PORT: port.prefault('8080') })
    expect(() => readEnv(schema, { IDLE_TIMEOUT: 'soon', PORT: 'x' })).toThrow(
      expect.objectContaining({
        name: 'EnvError',
        faults: [
          'IDLE_TIMEOUT must be a duration such as 15m, 90s or 500ms',
          expect.stringMatching(/^PGHOST /),
          'PORT must be a whole number',
        ],
      }),
    )
  })

  it('says that a variable is not set', () => {
    expect(() => readEnv(z.object({ IDLE_TIMEOUT: duration }), {})).toThrow('IDLE_TIMEOUT is not set')
  })

  it('never shows the value of a variable', () => {
    expect(() => readEnv(z.object({ PGPASSWORD: duration }), { PGPASSWORD: 'hunter2' })).not.toThrow('hunter2')
  })

  it('takes an empty variable for one that is not set', () => {
    expect(readEnv(z.object({ A: z.string().optional(), B: duration.prefault('1s') }), { A: '', B: '' })).toEqual({
      B: 1000,
    })
  })

  it('leaves out what nobody asked for', () => {
    expect(readEnv(z.object({ A: z.string() }), { A: 'a', B: 'b' })).toEqual({ A: 'a' })
  })
})
