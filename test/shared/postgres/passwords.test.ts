import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isPassword } from '#local/odoo/password.ts'
import { odooPasswordHash } from '#shared/postgres/odoo-password.ts'
import { scramVerifier, verifierOf } from '#shared/postgres/scram.ts'

describe('a SCRAM verifier', () => {
  it('answers the exchange of RFC 7677 §3 with the signature given there', async () => {
    const verifier = await verifierOf('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[\w+/=]+:[\w+/=]+$/)
    const serverKey = Buffer.from(verifier.slice(verifier.lastIndexOf(':') + 1), 'base64')
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
    const exchange = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`
    const signature = createHmac('sha256', serverKey).update(exchange).digest('base64')
    expect(signature).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  })

  it('is the same for the same role and password, and another for any other', async () => {
    const verifier = await scramVerifier('odoo_a', 'a-long-random-password')
    expect(await scramVerifier('odoo_a', 'a-long-random-password')).toBe(verifier)
    expect(await scramVerifier('odoo_b', 'a-long-random-password')).not.toBe(verifier)
    expect(await scramVerifier('odoo_a', 'a-long-random-passwore')).not.toBe(verifier)
  })

  it.each([
    ['short', 'secret'],
    ['with a space', 'a long random password'],
    ['not ASCII', 'ein-zufälliges-passwort'],
  ])('is refused for a password that is %s', async (_, password) => {
    await expect(scramVerifier('odoo_a', password)).rejects.toThrow(RangeError)
  })
})

describe('a password of Odoo', () => {
  it('has the form passlib writes, and proves the password and no other', async () => {
    const hash = await odooPasswordHash('correct horse', Buffer.alloc(16, 0xfb))
    expect(hash).toMatch(/^\$pbkdf2-sha512\$25000\$[A-Za-z0-9./]{22}\$[A-Za-z0-9./]{86}$/)
    expect(await isPassword('correct horse', hash)).toBe(true)
    expect(await isPassword('correct horsf', hash)).toBe(false)
  })

  it('never has the same salt twice', async () => {
    expect(await odooPasswordHash('x')).not.toBe(await odooPasswordHash('x'))
  })
})
