// What can be said to `npm start`.
import { parseArgs } from 'node:util'
import { duration } from '#shared/server/env.ts'

export interface Options {
  /** As the functions read it: 2m, 90s. */
  readonly idleTimeout: string
  readonly port: number
  readonly fresh: boolean
  readonly detach: boolean
  readonly odoo: 'stand-in' | 'real'
}

export const usage = `usage: npm start -- [options]

  --idle-timeout 15m   how long nobody may use an instance before it is put to sleep (2m)
  --port 9000          the port of the console and of the instances (8080)
  --odoo real          instances are real Odoo processes: the one of ODOO_BIN, else this machine's, else (Linux, root)
                       Debian's packages, unpacked once into the cache; without it they are a small stand-in
  --fresh              forget instances, databases and cluster of earlier starts
  --detach             return as soon as the instances can be visited; npm stop ends it
  --help               this text`

export class OptionError extends Error {
  override readonly name = 'OptionError'
}

/** Who names an Odoo wants it. */
const kindUnless = (named: string | undefined): Options['odoo'] => (named ? 'real' : 'stand-in')

/** Throws OptionError with a message for people; undefined when only the usage is wanted. */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Options | undefined {
  const { values } = parse(args)
  if (values.help) return undefined
  if (!duration.safeParse(values['idle-timeout']).success) {
    throw new OptionError(`--idle-timeout ${values['idle-timeout']} is no duration such as 15m, 90s or 1m30s`)
  }
  const port = /^\d+$/.test(values.port) ? Number(values.port) : Number.NaN
  if (!(port >= 1 && port <= 65_535)) throw new OptionError(`--port ${values.port} is no port: 1 to 65535`)
  const { fresh, detach, odoo = kindUnless(environment['ODOO_BIN']) } = values
  if (odoo !== 'stand-in' && odoo !== 'real') throw new OptionError(`--odoo ${odoo} is neither real nor stand-in`)
  return { idleTimeout: values['idle-timeout'], port, fresh, detach, odoo }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'idle-timeout': { type: 'string', default: '2m' },
        port: { type: 'string', default: '8080' },
        odoo: { type: 'string' },
        fresh: { type: 'boolean', default: false },
        detach: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    const first = error instanceof Error ? error.message.split('. ', 1)[0] : String(error)
    throw new OptionError(`${first}\n\n${usage}`, { cause: error })
  }
}
