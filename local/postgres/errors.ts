/** A local PostgreSQL that could not be had, in words that say what to do about it. */
export class PostgresStartError extends Error {
  override readonly name = 'PostgresStartError'
}
