import { randomInt } from 'node:crypto'

const mostAddresses = 30_000

/** Loopback addresses, one for each pod and never one twice: a late answer of one pod must not be taken for another's. */
export function addresses(): () => string {
  // Runs at the same time begin at different places.
  const [block, first] = [randomInt(20, 220), randomInt(1, 30_000)]
  let given = 0
  return () => {
    given += 1
    if (given > mostAddresses) throw new Error('the run has used up its addresses')
    const at = first + given
    return `127.${block}.${at >> 8}.${at & 255}`
  }
}
