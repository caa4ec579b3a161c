import { describe, expect, it } from 'vitest'
import { OptionError, readOptions } from '#local/world/options.ts'

describe('options of npm start', () => {
  it('has a default for everything', () => {
    expect(readOptions([])).toEqual({ idleTimeout: '2m', port: 8080, fresh: false, detach: false, odoo: 'stand-in' })
  })

  it('takes all of them', () => {
    const args = ['--idle-timeout', '15m', '--port=9000', '--fresh', '--detach', '--odoo', 'real']
    expect(readOptions(args)).toEqual({ idleTimeout: '15m', port: 9000, fresh: true, detach: true, odoo: 'real' })
  })

  it('takes a named Odoo for a wish to have a real one, unless told otherwise', () => {
    const environment = { ODOO_BIN: '/usr/bin/odoo' }
    expect(readOptions([], environment)?.odoo).toBe('real')
    expect(readOptions(['--odoo', 'stand-in'], environment)?.odoo).toBe('stand-in')
  })

  it('wants nothing started when asked for help', () => {
    expect(readOptions(['--help'])).toBeUndefined()
  })

  it.each([
    ['an option it does not know', ['--idle'], "Unknown option '--idle'"],
    ['a word that is no option', ['demo'], "Unexpected argument 'demo'"],
    ['a duration without a unit', ['--idle-timeout', '15'], '--idle-timeout 15 is no duration'],
    ['a port that is none', ['--port', 'http'], '--port http is no port'],
    ['a port beyond all ports', ['--port', '70000'], '--port 70000 is no port'],
    ['an Odoo that is neither', ['--odoo', 'yes'], '--odoo yes is neither real nor stand-in'],
    ['a value that is missing', ['--port'], '--port'],
  ])('refuses %s', (_, args, message) => {
    expect(() => readOptions(args)).toThrow(OptionError)
    expect(() => readOptions(args)).toThrow(message)
  })
})
