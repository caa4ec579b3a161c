// FNV-1a, 64 bit: tells that a text changed. Not for secrets: it can be computed backwards.

const offset = 0xcbf29ce484222325n
const prime = 0x100000001b3n

export function fingerprint(...texts: readonly string[]): string {
  let hash = offset
  for (const text of texts) {
    // The length goes in too, so that moving a letter from one text to the next is a change.
    for (const byte of new TextEncoder().encode(`${text.length}:${text}`)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * prime)
    }
  }
  return hash.toString(16).padStart(16, '0')
}
