import { describe, expect, it } from 'vitest'

import { isPassword } from '#local/odoo/password.ts'

// Made with Python's hashlib and passlib's base 64; the second salt needs the `.` that stands for `+`.
const plain =
  '$pbkdf2-sha512$25000$AAECAwQFBgcICQoLDA0ODw$no0pQATH8VKOEmBWJw50YZrk2tmzRj9Ae6xEw1vLLehsKeOPWOMVonpc79bKsUZLnXvPrnJcFkEt9hwlEgxdKw'
const dotted =
  '$pbkdf2-sha512$1000$.....................w$qzevL.cq4.OH9Frh99OOQRSphRbPBrLeDMbLy6EOglMHEOzRhrGKKDf2wDmPxqpUOSGXA8hf9cyMQIa4MnetIQ'

describe('a password of Odoo', () => {
  it.each([
    ['is right', 'correct horse', plain, true],
    ['is right with letters beyond ASCII and a dot in the salt', 'pässwörd', dotted, true],
    ['is wrong in one letter', 'Correct horse', plain, false],
    ['is empty', '', plain, false],
    ['is the hash itself', plain, plain, false],
    ['is compared with nothing', 'x', null, false],
    ['is compared with plain text', 'admin', 'admin', false],
    ['is compared with another scheme', 'x', '$pbkdf2-sha256$1000$c2FsdA$aGFzaA', false],
    ['is compared with no rounds', 'x', '$pbkdf2-sha512$0$c2FsdA$aGFzaA', false],
  ])('that %s: %#', async (_what, candidate, stored, expected) => {
    expect(await isPassword(candidate, stored)).toBe(expected)
  })
})
