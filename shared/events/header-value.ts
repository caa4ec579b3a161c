// CloudEvents HTTP binding 1.0, §3.1.3.2: attribute values are percent-encoded once in headers.
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Everything outside U+0021..U+007E, and space, double quote and percent. */
const toEncode = /[^\x21-\x7e]|["%]/gu

export function encodeHeaderValue(value: string): string {
  return value.replace(toEncode, (character) =>
    Array.from(
      new TextEncoder().encode(character),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join(''),
  )
}

/**
 * Decodes once. Raw UTF-8 is tolerated, because Knative's Go SDK does not encode at all (knative.md §2.2).
 * Undefined when a `%` is not followed by two hexadecimal digits, or the bytes are not UTF-8.
 */
export function decodeHeaderValue(value: string): string | undefined {
  const bytes: number[] = []
  for (let index = 0; index < value.length; index++) {
    if (value[index] !== '%') {
      bytes.push(...byteOf(value, index))
      continue
    }
    const hex = value.slice(index + 1, index + 3)
    if (!/^[0-9a-f]{2}$/i.test(hex)) return undefined
    bytes.push(Number.parseInt(hex, 16))
    index += 2
  }
  try {
    return strictUtf8.decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

/** Node hands header bytes over as Latin-1, one character per byte; anything wider was never a header on a wire. */
function byteOf(value: string, index: number): Iterable<number> {
  const code = value.charCodeAt(index)
  return code <= 0xff ? [code] : new TextEncoder().encode(value.charAt(index))
}
