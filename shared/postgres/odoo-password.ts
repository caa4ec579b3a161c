/** Odoo's hash of a user's password: passlib's pbkdf2_sha512, `$pbkdf2-sha512$<rounds>$<salt>$<hash>`. */
import { pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/** What Odoo 17 to 19 ask for; a hash with fewer rounds is accepted and replaced at the first login. */
const ROUNDS = 600_000
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
