// WebSocket frames as they pass by (RFC 6455 §5.2): where one ends and the next begins, and what the small ones say.
// Nothing is delayed or changed.

export interface Frame {
  readonly opcode: number
  readonly final: boolean
  /** Undefined for a frame that is too long to be looked at. */
  readonly payload: Buffer | undefined
  /** Where it began in the bytes at hand; negative when it began in earlier ones. */
  readonly startsAt: number
}

export const opcodes = { text: 1, close: 8 } as const

/** What is looked at: a presence frame has some hundred bytes, a close frame at most 125. */
const longestRead = 4096
/** What is kept of a frame that is not whole yet, so that somebody else can go on from there. */
const longestKept = 64 * 1024
const longestHeader = 14

export class FrameScanner {
  /** A bit is set that only an extension may set: the frames of this connection mean something else to others. */
  extended = false
  /** Parts of a message have passed and its last one has not. */
  private inMessage = false
  private readonly onFrame: (frame: Frame) => void
  private readonly header = Buffer.alloc(longestHeader)
  private headerLength = 0
  /** Of the payload. */
  private left = 0
  private length = 0
  private startsAt = 0
  private pieces: Buffer[] = []

  constructor(onFrame: (frame: Frame) => void) {
    this.onFrame = onFrame
  }

  /** Neither a frame nor a message is half said. */
  get isBetweenMessages(): boolean {
    return this.headerLength === 0 && !this.inMessage
  }

  /** What has passed of the frame that is not whole yet; undefined when that is too much. */
  get begun(): Buffer | undefined {
    if (this.headerLength === 0) return Buffer.alloc(0)
    if (this.inMessage || this.length > longestKept) return undefined
    return Buffer.concat([this.header.subarray(0, this.headerLength), ...this.pieces])
  }

  scan(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.left > 0) at = this.takePayload(bytes, at)
      else at = this.takeHeader(bytes, at)
    }
    this.startsAt -= bytes.length
  }

  private takeHeader(bytes: Buffer, at: number): number {
    if (this.headerLength === 0) this.startsAt = at
    this.header[this.headerLength] = bytes[at] ?? 0
    this.headerLength += 1
    if (this.headerLength < 2 || this.headerLength < headerLength(this.header)) return at + 1
    this.extended ||= ((this.header[0] ?? 0) & 0x70) !== 0
    this.length = payloadLength(this.header)
    this.left = this.length
    if (this.left === 0) this.finish()
    return at + 1
  }

  private takePayload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.left)
    if (this.length <= longestKept) this.pieces.push(bytes.subarray(at, end))
    this.left -= end - at
    if (this.left === 0) this.finish()
    return end
  }

  private finish(): void {
    const first = this.header[0] ?? 0
    const opcode = first & 0x0f
    const final = (first & 0x80) !== 0
    if (opcode < 8) this.inMessage = !final
    const payload = this.length <= longestRead ? unmasked(this.header, this.headerLength, this.pieces) : undefined
    this.headerLength = 0
    this.length = 0
    this.pieces = []
    this.onFrame({ opcode, final, payload, startsAt: this.startsAt })
  }
}

function headerLength(header: Buffer): number {
  const second = header[1] ?? 0
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0)
}

function payloadLength(header: Buffer): number {
  const short = (header[1] ?? 0) & 0x7f
  if (short === 126) return header.readUInt16BE(2)
  return short === 127 ? Number(header.readBigUInt64BE(2)) : short
}

/** RFC 6455 §5.3: frames of clients are masked, for reasons that do not concern us. */
function unmasked(header: Buffer, length: number, pieces: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(pieces)
  if (((header[1] ?? 0) & 0x80) === 0) return payload
  for (let i = 0; i < payload.length; i += 1) payload[i] = (payload[i] ?? 0) ^ (header[length - 4 + (i % 4)] ?? 0)
  return payload
}

/**
 * Why a WebSocket is closed. Odoo's client comes again at once after `comeAgain` and takes it for routine; after 1000 it would
 * stay deaf until the page is reloaded (odoo-lab.md).
 */
export const closeCodes = { goingAway: 1001, serviceRestart: 1012, comeAgain: 4002 } as const

/** A close frame as a server sends it. */
export function serverCloseFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff])
}

/** A close frame as a client sends it: masked, with a mask of zeros. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 0x82, 0, 0, 0, 0, code >> 8, code & 0xff])
}
