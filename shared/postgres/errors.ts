/** What can go wrong with PostgreSQL, told apart by what the caller can do about it. */

export class PostgresError extends Error {
  override readonly name: string = 'PostgresError'
  /** Five characters, see PostgreSQL's appendix A. Undefined when no server answered. */
  readonly sqlstate: string | undefined

  constructor(message: string, options: { readonly sqlstate?: string | undefined; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.sqlstate = options.sqlstate
  }
}

/** Not now; the same again later may well succeed. */
export class PostgresUnavailable extends PostgresError {
  override readonly name = 'PostgresUnavailable'
}

/** There is no such template: nothing we do brings it. */
export class TemplateMissing extends PostgresError {
  override readonly name = 'TemplateMissing'
  readonly template: string

  constructor(template: string) {
    super(`there is no database template "${template}"`)
    this.template = template
  }
}

/** A database or role of this name exists that we did not make; it is left alone. */
export class NotOurs extends PostgresError {
  override readonly name = 'NotOurs'
}

/** The error of the driver, as one of ours. `where` names the server in the message, where the driver does not. */
export function asPostgresError(error: unknown, where = ''): Error {
  if (error instanceof PostgresError) return error
  if (!(error instanceof Error)) return new PostgresError(String(error), { cause: error })
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const sqlstate = code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
  const later = sqlstate === undefined ? isConnectionTrouble(error, code) : isPassing(sqlstate, error.message)
  const Kind = later ? PostgresUnavailable : PostgresError
  return new Kind(where + withDetail(error), { sqlstate, cause: error })
}

/** An error of the happy-eyeballs dial has no text of its own; PostgreSQL's detail often names the thing. */
function withDetail(error: Error): string {
  const text = error.message || (error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name)
  return 'detail' in error && typeof error.detail === 'string' ? `${text}: ${error.detail}` : text
}

const DIAL_CODES = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED ENOTFOUND EAI_AGAIN ETIMEDOUT EPIPE EHOSTUNREACH ENETUNREACH'.split(' '),
)

function isConnectionTrouble(error: Error, code: string | undefined): boolean {
  if (code !== undefined && DIAL_CODES.has(code)) return true
  // The driver's own errors carry no code.
  return /^Connection terminated|timeout|^Client has encountered a connection error|was closed/i.test(error.message)
}

const PASSING_STATES = new Set([
  '25006', // read-only: a standby that is about to become the primary
  '40001', // serialization failure
  '40P01', // deadlock
  '55006', // object in use: somebody is connected to the template
  '55P03', // lock not available in time
  '57014', // statement timeout
  '57P01', // the server shuts down, or our backend was terminated
  '57P02',
  '57P03', // the server starts up
  '57P05',
])

function isPassing(sqlstate: string, message: string): boolean {
  // Class 08: connection; 53: disk, memory or connections used up; 58: trouble below PostgreSQL.
  if (/^(08|53|58)/.test(sqlstate) || PASSING_STATES.has(sqlstate)) return true
  // Two grants on the same database at once; PostgreSQL has no state of its own for it.
  return sqlstate === 'XX000' && message.includes('tuple concurrently')
}
