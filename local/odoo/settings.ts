// What the stand-in takes from odoo.conf and from its environment, in the places where Odoo 19 itself looks.
import { join } from 'node:path'

/** How to reach PostgreSQL, as libpq reads it from PG* variables. */
export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly ssl: boolean
}

export interface Settings {
  readonly database: string
  readonly postgres: DatabaseAddress
  /** Address to listen on; the local node gives the pod's own. */
  readonly host: string
  readonly httpPort: number
  /** Port of the WebSocket process. It exists only when there are workers. */
  readonly geventPort: number
  readonly workers: number
  readonly dataDir: string
  /** From the process's start to the first page. */
  readonly startMs: number
  /** What stopping takes when nothing is under way. */
  readonly stopMs: number
  /** How long to wait for the answer of a tab to the close frame when stopping without workers: 15 s in Odoo. */
  readonly closeAnswerMs: number
}

type Environment = Readonly<Record<string, string | undefined>>

export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** Keys and values of the `[options]` section; comments start a line with `;` or `#`, as in Python's configparser. */
export function parseConf(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let section = ''
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    if (line.startsWith('[')) section = line.slice(1, line.indexOf(']'))
    const equals = line.search(/[=:]/)
    if (section === 'options' && equals > 0) values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim())
  }
  return values
}

/** `rootDir` is where the container's own paths begin, so that `/var/lib/odoo` is a folder of this pod alone. */
export function readSettings(conf: ReadonlyMap<string, string>, env: Environment, rootDir: string): Settings {
  const option = (name: string): string | undefined => given(conf.get(name))
  const database = option('db_name') ?? env['PGDATABASE']
  if (database === undefined) throw new SettingsError('db_name is missing in odoo.conf, and there is no PGDATABASE')
  const workers = wholeNumber('workers', option('workers') ?? '0')
  return {
    database,
    postgres: {
      host: env['PGHOST'] ?? option('db_host') ?? '127.0.0.1',
      port: wholeNumber('PGPORT', env['PGPORT'] ?? option('db_port') ?? '5432'),
      user: env['PGUSER'] ?? option('db_user') ?? 'odoo',
      password: env['PGPASSWORD'] ?? option('db_password') ?? '',
      ssl: ['require', 'verify-ca', 'verify-full'].includes(env['PGSSLMODE'] ?? option('db_sslmode') ?? 'prefer'),
    },
    host: env['HOST'] ?? option('http_interface') ?? '0.0.0.0',
    httpPort: wholeNumber('http_port', option('http_port') ?? '8069'),
    geventPort: wholeNumber('gevent_port', option('gevent_port') ?? '8072'),
    workers,
    dataDir: join(rootDir, option('data_dir') ?? '/var/lib/odoo'),
    startMs: seconds('STANDIN_START_SECONDS', env['STANDIN_START_SECONDS'] ?? '2'),
    // Odoo 19 at rest: 1.0-2.1 s without workers, 2.9 s with them.
    stopMs: seconds('STANDIN_STOP_SECONDS', env['STANDIN_STOP_SECONDS'] ?? (workers === 0 ? '1' : '2.9')),
    closeAnswerMs: seconds('STANDIN_CLOSE_ANSWER_SECONDS', env['STANDIN_CLOSE_ANSWER_SECONDS'] ?? '15'),
  }
}

/** Odoo writes `False` for an option that is not set. */
function given(value: string | undefined): string | undefined {
  return value === undefined || value === '' || value === 'False' ? undefined : value
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new SettingsError(`${name} must be a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}

function seconds(name: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new SettingsError(`${name} must be seconds, not ${JSON.stringify(text)}`)
  return Number(text) * 1000
}
