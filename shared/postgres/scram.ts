/**
 * The SCRAM-SHA-256 verifier of a password, as PostgreSQL stores it (RFC 5802, RFC 7677). Computed here, so that the clear
 * password is in no statement and hence in no log of the server.
 */
import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/** PostgreSQL's own figure. The passwords are random and long: more rounds would only slow every login down. */
const ROUNDS = 4096
const KEY_BYTES = 32
const SALT_BYTES = 16

/**
 * The same password of the same role always gives the same verifier, so that setting it again changes nothing. The salt
 * comes from the password: fit for random passwords only, which no table of guesses can reach.
 */
export async function scramVerifier(role: string, password: string): Promise<string> {
  // Beyond ASCII, SASLprep would have to normalise it; ours never are.
  if (!/^[\x21-\x7e]{16,}$/.test(password))
    throw new RangeError('a role needs a random password of at least 16 ASCII signs')
  const salt = hmac(password, `platxa scram salt ${role}`).subarray(0, SALT_BYTES)
  return verifierOf(password, salt)
}

/** Exported for the example of RFC 7677. */
export async function verifierOf(password: string, salt: Buffer, rounds = ROUNDS): Promise<string> {
  const salted = await derive(password, salt, rounds, KEY_BYTES, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const serverKey = hmac(salted, 'Server Key').toString('base64')
  return `SCRAM-SHA-256$${rounds}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
