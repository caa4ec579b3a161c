/** How names and texts get into statements that take no bound parameters (DDL). The one place that quotes. */

/** PostgreSQL's NAMEDATALEN - 1. Longer names are cut without an error, so that two tenants could share one. */
const LONGEST_BYTES = 63

export class InvalidName extends Error {
  override readonly name = 'InvalidName'
}

/** A quoted identifier. */
export function identifier(name: string): string {
  const bytes = Buffer.byteLength(name, 'utf8')
  if (bytes === 0) throw new InvalidName('a database or role must have a name')
  if (bytes > LONGEST_BYTES) {
    throw new InvalidName(`"${name}" has ${bytes} bytes, PostgreSQL would cut it to ${LONGEST_BYTES}`)
  }
  if (name.includes('\0')) throw new InvalidName('a name cannot contain a zero byte')
  return `"${name.replaceAll('"', '""')}"`
}

/** A quoted text constant. The E form, because a backslash means itself only where standard_conforming_strings is on. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new InvalidName('a text cannot contain a zero byte')
  const quoted = text.replaceAll("'", "''")
  return text.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`
}
