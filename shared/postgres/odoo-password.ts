/** Odoo's hash of a user's password: passlib's pbkdf2_sha512, `$pbkdf2-sha512$<rounds>$<salt>$<hash>`. */
import { pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/**
 * Fewer than the 600,000 that Odoo 17 to 19 take for a password of a person's own: this one is random and long, so that
 * rounds protect nothing, and 0.4 s of CPU per instance would be most of its clone. Odoo replaces it at the first login.
 */
const ROUNDS = 25_000
const SALT_BYTES = 16
const KEY_BYTES = 64

export async function odooPasswordHash(
  password: string,
  salt = randomBytes(SALT_BYTES),
  rounds = ROUNDS,
): Promise<string> {
  const hash = await derive(password, salt, rounds, KEY_BYTES, 'sha512')
  return `$pbkdf2-sha512$${rounds}$${adapted(salt)}$${adapted(hash)}`
}

/** passlib's "adapted base64": a dot for the plus, no padding. */
function adapted(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '.').replaceAll('=', '')
}
