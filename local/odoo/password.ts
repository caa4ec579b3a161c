// Passwords as Odoo keeps them: passlib's `$pbkdf2-sha512$rounds$salt$digest`, in passlib's own base 64.
import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/** False for a wrong password and for anything that is no such hash: Odoo never compares plain text either. */
export async function isPassword(candidate: string, stored: string | null): Promise<boolean> {
  const match = /^\$pbkdf2-sha512\$(\d+)\$([A-Za-z0-9./]*)\$([A-Za-z0-9./]+)$/.exec(stored ?? '')
  const [, rounds = '', salt = '', digest = ''] = match ?? []
  if (match === null || Number(rounds) < 1) return false
  const expected = fromPasslib(digest)
  const actual = await derive(candidate, fromPasslib(salt), Number(rounds), expected.length, 'sha512')
  return timingSafeEqual(actual, expected)
}

/** passlib's "adapted" base 64 has `.` where the standard has `+`, and no padding. */
function fromPasslib(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64')
}
