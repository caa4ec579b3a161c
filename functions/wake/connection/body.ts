import { trailerFields, type Lie, type ResponseBody } from './response-head.ts'

/** Gets `bytes[from, to)`, which are only good until it returns. */
export type Piece = (bytes: Buffer, from: number, to: number) => void

/** Finds the end of an answer's body in the bytes that come off a socket. */
export interface BodyReader {
  readonly done: boolean
  /** Names and values in turn. */
  readonly trailers: readonly string[]
  /** Gives what is body to `piece` and tells where it stopped reading: before `to` only when the body is done. */
  take(bytes: Buffer, from: number, to: number, piece: Piece): number | Lie
}

const NONE: readonly string[] = []

export class LengthReader implements BodyReader {
  readonly trailers = NONE
  private left: number

  constructor(length: number) {
    this.left = length
  }

  get done(): boolean {
    return this.left === 0
  }

  take(bytes: Buffer, from: number, to: number, piece: Piece): number {
    const stop = Math.min(to, from + this.left)
    this.left -= stop - from
    if (stop > from) piece(bytes, from, stop)
    return stop
  }
}

export class UntilCloseReader implements BodyReader {
  readonly trailers = NONE
  readonly done = false

  take(bytes: Buffer, from: number, to: number, piece: Piece): number {
    if (to > from) piece(bytes, from, to)
    return to
  }
}

export function readerFor(body: ResponseBody, longestTrailer: number): BodyReader {
  if (typeof body === 'number') return new LengthReader(body)
  return body === 'chunked' ? new ChunkedReader(longestTrailer) : new UntilCloseReader()
}

const CR = 13
const LF = 10
const SEMICOLON = 59
const LONGEST_SIZE = 12 // hex digits: 256 TB in one chunk
const LONGEST_EXTENSION = 1024

/** RFC 9112 §7.1, to the letter: every line ends with CR LF, sizes are bare hex digits. Extensions are read over. */
export class ChunkedReader implements BodyReader {
  done = false
  trailers: readonly string[] = NONE
  private state: 'size' | 'extension' | 'size end' | 'data' | 'data CR' | 'data LF' | 'trailer' = 'size'
  private left = 0
  private digits = 0
  private extension = 0
  private trailer = ''
  private readonly longestTrailer: number

  constructor(longestTrailer: number) {
    this.longestTrailer = longestTrailer
  }

  take(bytes: Buffer, from: number, to: number, piece: Piece): number | Lie {
    let at = from
    while (at < to && !this.done) {
      const next = this.state === 'data' ? this.data(bytes, at, to, piece) : this.mark(bytes[at] ?? 0, at)
      if (typeof next !== 'number') return next
      at = next
    }
    return at
  }

  private data(bytes: Buffer, at: number, to: number, piece: Piece): number {
    const stop = Math.min(to, at + this.left)
    this.left -= stop - at
    if (this.left === 0) this.state = 'data CR'
    piece(bytes, at, stop)
    return stop
  }

  /** One byte that is not data. */
  private mark(byte: number, at: number): number | Lie {
    const fine = this.step(byte)
    return fine ? at + 1 : { lie: `a byte that may not stand in the ${this.state} of a chunk` }
  }

  private step(byte: number): boolean {
    switch (this.state) {
      case 'size':
        return this.size(byte)
      case 'extension':
        return this.extend(byte)
      case 'size end':
        return byte === LF && this.sized()
      case 'data CR':
        this.state = 'data LF'
        return byte === CR
      case 'data LF':
        this.state = 'size'
        return byte === LF
      case 'trailer':
        return this.trail(byte)
      case 'data':
        return false
    }
  }

  private size(byte: number): boolean {
    const digit = hex(byte)
    if (digit >= 0) {
      this.left = this.left * 16 + digit
      this.digits += 1
      return this.digits <= LONGEST_SIZE
    }
    if (this.digits === 0) return false
    return this.extend(byte, byte === SEMICOLON)
  }

  private extend(byte: number, starts = true): boolean {
    if (byte === CR) this.state = 'size end'
    else this.state = 'extension'
    this.extension += 1
    const printable = byte === 9 || (byte >= 32 && byte !== 127)
    return byte === CR || (starts && printable && this.extension <= LONGEST_EXTENSION)
  }

  private sized(): boolean {
    this.state = this.left === 0 ? 'trailer' : 'data'
    this.digits = 0
    this.extension = 0
    return true
  }

  private trail(byte: number): boolean {
    this.trailer += String.fromCharCode(byte)
    if (byte !== LF) return this.trailer.length < this.longestTrailer
    if (this.trailer !== '\r\n' && !this.trailer.endsWith('\r\n\r\n')) return true
    const fields = trailerFields(this.trailer)
    if (!Array.isArray(fields)) return false
    this.trailers = fields
    this.done = true
    return true
  }
}

function hex(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 0x20
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
