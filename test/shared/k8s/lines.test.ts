import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { linesOf } from '#shared/k8s/lines.ts'

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function collect(text: string, sizes: readonly number[], longest = 1_000_000): Promise<string[]> {
  const found: string[] = []
  for await (const line of linesOf(chunked(Buffer.from(text), sizes), longest)) found.push(line)
  return found
}

describe('lines of a stream', () => {
  it('are the same however the bytes arrive, also when a character is cut in two', async () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\n', '') || 'x')
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(fc.array(line), sizes, async (lines, sizes) => {
        expect(await collect(lines.map((text) => `${text}\n`).join(''), sizes)).toEqual(lines)
      }),
    )
  })

  it('skip empty ones and give what is left at the end', async () => {
    expect(await collect('\n\na\n\nb', [100])).toEqual(['a', 'b'])
  })

  it('end with an error when one of them never ends', async () => {
    await expect(collect('x'.repeat(2_000), [100], 1_000)).rejects.toThrow('longer than 1000 bytes')
    expect(await collect(`${'x'.repeat(900)}\n`.repeat(5), [100], 1_000)).toHaveLength(5)
  })
})
