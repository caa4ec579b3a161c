import { randomInt } from 'node:crypto'

const addressBlock = `127.${randomInt(100, 200)}`
let addresses = 0

/** Never the same twice: a late answer of before must not be taken for one of now. */
export function newAddress(): string {
  addresses += 1
  return `${addressBlock}.${addresses >> 7}.${(addresses & 127) + 1}`
}
