import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closeFrame, FrameScanner, opcodes, type Frame } from '#functions/wake/tabs/frames.ts'

interface Given {
  readonly opcode: number
  readonly final: boolean
  readonly payload: Uint8Array
  readonly mask: Uint8Array | undefined
}

/** RFC 6455 §5.2, written the other way round. */
function encode({ opcode, final, payload, mask }: Given): Buffer {
  const length = payload.length
  const sizes =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255]
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, (sizes[0] ?? 0) | (mask ? 0x80 : 0), ...sizes.slice(1)])
  const body = mask ? payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)) : payload
  return Buffer.concat([head, mask ?? Buffer.alloc(0), body])
}

const frames = fc.record({
  opcode: fc.constantFrom(1, 2, 8, 9, 10),
  final: fc.constant(true),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(125, 126, 127, 4096, 4097, 65_535, 65_536).map((length) => new Uint8Array(length).fill(7)),
  ),
  mask: fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined }),
})

function scan(pieces: readonly Buffer[]): { readonly scanner: FrameScanner; readonly seen: Frame[] } {
  const seen: Frame[] = []
  const scanner = new FrameScanner((frame) => seen.push(frame))
  for (const piece of pieces) scanner.scan(piece)
  return { scanner, seen }
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

describe('a frame scanner', () => {
  it('finds every frame, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 6 }), fc.array(fc.nat(200_000), { maxLength: 8 }), (given, places) => {
        const { scanner, seen } = scan(cut(Buffer.concat(given.map(encode)), places))
        expect(seen.map(({ opcode, final }) => ({ opcode, final }))).toEqual(
          given.map(({ opcode, final }) => ({ opcode, final })),
        )
        for (const [i, { payload }] of seen.entries()) {
          if (payload === undefined) expect(given[i]!.payload.length).toBeGreaterThan(4096)
          else expect(Buffer.from(given[i]!.payload).equals(payload)).toBe(true)
        }
        expect(scanner.isBetweenMessages).toBe(true)
        expect(scanner.begun).toHaveLength(0)
      }),
      { numRuns: 60 },
    )
  })

  it('knows what has begun, so that somebody else can go on from there', () => {
    fc.assert(
      fc.property(frames, frames, fc.nat(200_000), (before, given, place) => {
        const bytes = encode(given)
        const [begun = Buffer.alloc(0), rest = Buffer.alloc(0)] = cut(bytes, [place])
        const { scanner } = scan([encode(before), begun])
        if (begun.length === bytes.length) return
        const kept = scanner.begun
        if (kept === undefined) expect(given.payload.length).toBeGreaterThan(64 * 1024)
        else expect(Buffer.concat([kept, rest]).equals(bytes)).toBe(true)
      }),
    )
  })

  it('says where in the bytes at hand a frame began', () => {
    const text = encode({ opcode: 1, final: true, payload: Buffer.from('hello'), mask: undefined })
    const close = encode({ opcode: 8, final: true, payload: Buffer.from([3, 233]), mask: undefined })
    expect(scan([Buffer.concat([text, close])]).seen.map(({ startsAt }) => startsAt)).toEqual([0, text.length])
    expect(scan([text, close]).seen.map(({ startsAt }) => startsAt)).toEqual([0, 0])
    expect(scan([close.subarray(0, 1), close.subarray(1)]).seen.map(({ startsAt }) => startsAt)).toEqual([-1])
  })

  it('is not between messages while one is said in parts', () => {
    const part = encode({ opcode: 1, final: false, payload: Buffer.from('he'), mask: undefined })
    const ping = encode({ opcode: 9, final: true, payload: Buffer.alloc(0), mask: undefined })
    const last = encode({ opcode: 0, final: true, payload: Buffer.from('llo'), mask: undefined })
    expect(scan([part, ping]).scanner.isBetweenMessages).toBe(false)
    expect(scan([part, ping, last]).scanner.isBetweenMessages).toBe(true)
  })

  it('notices frames that only an extension understands', () => {
    const frame = encode({ opcode: 1, final: true, payload: Buffer.from('x'), mask: undefined })
    frame[0] = 0xc1
    expect(scan([frame]).scanner.extended).toBe(true)
  })

  it('writes a close frame as a client would', () => {
    const { seen } = scan([closeFrame(1001)])
    expect(seen).toMatchObject([{ opcode: opcodes.close, final: true, payload: Buffer.from([3, 233]) }])
  })
})
