import type { IncomingMessage } from 'node:http'
import { kindOf } from './header-kind.ts'
import type { RequestBody } from './request-head.ts'
import type { Wire } from './wire.ts'

const SMALL = 16 * 1024 // up to here a string is copied faster than two writes are made

/** A request with a body on its way to the instance: head and first bytes in one write, then as fast as the wire takes it. */
export class Upload {
  /** The instance has been given all of it. */
  done = false
  private readonly request: IncomingMessage
  private readonly chunked: boolean
  private readonly onDone: () => void
  private wire: Wire | undefined
  /** What is to be written before anything else. */
  private pending: string
  private left: number

  constructor(request: IncomingMessage, head: string, body: RequestBody, onDone: () => void) {
    this.request = request
    this.chunked = body === 'chunked'
    this.onDone = onDone
    this.pending = head
    this.left = typeof body === 'number' ? body : 0
  }

  start(wire: Wire): void {
    this.wire = wire
    if (!this.chunked && this.left === 0) {
      this.flush()
      this.finished()
      return
    }
    this.request.on('data', this.onPiece)
    if (this.chunked) this.request.once('end', this.onEnd)
    process.nextTick(this.flush)
  }

  resume(): void {
    if (!this.done) this.request.resume()
  }

  /** No more of it is wanted; what the client still sends is thrown away. */
  stop(): void {
    this.request.off('data', this.onPiece).off('end', this.onEnd)
    this.request.resume()
  }

  // A client that waits for "100 Continue" sends no body yet: its head must not wait for one.
  private readonly flush = (): void => {
    if (this.pending === '' || this.wire === undefined) return
    this.wire.socket.write(this.pending, 'latin1')
    this.pending = ''
  }

  private readonly onPiece = (piece: Buffer): void => {
    const { wire } = this
    if (wire === undefined) return
    wire.touch()
    const flowing = this.chunked ? this.chunk(wire, piece) : this.write(wire, piece)
    if (!flowing) this.request.pause()
  }

  private write(wire: Wire, piece: Buffer): boolean {
    const { pending } = this
    this.pending = ''
    this.left -= piece.length
    const flowing = together(wire, pending, piece, '')
    if (this.left === 0) this.finished()
    return flowing
  }

  private chunk(wire: Wire, piece: Buffer): boolean {
    const { pending } = this
    this.pending = ''
    return together(wire, `${pending}${piece.length.toString(16)}\r\n`, piece, '\r\n')
  }

  private readonly onEnd = (): void => {
    this.flush()
    this.wire?.socket.write(`0\r\n${trailerLines(this.request.rawTrailers)}\r\n`, 'latin1')
    this.finished()
  }

  private finished(): void {
    this.done = true
    this.onDone()
  }
}

/** One write for all of it. */
function together(wire: Wire, before: string, piece: Buffer, after: string): boolean {
  const { socket } = wire
  if (piece.length <= SMALL) return socket.write(before + piece.toString('latin1') + after, 'latin1')
  socket.cork()
  if (before !== '') socket.write(before, 'latin1')
  let flowing = socket.write(piece)
  if (after !== '') flowing = socket.write(after, 'latin1')
  process.nextTick(() => socket.uncork())
  return flowing
}

/** What frames or addresses a message has no place after it: RFC 9110 §6.5.1. */
function trailerLines(raw: readonly string[]): string {
  let lines = ''
  for (let i = 1; i < raw.length; i += 2) {
    const name = raw[i - 1] ?? ''
    if (kindOf(name) === 'plain') lines += `${name}: ${raw[i] ?? ''}\r\n`
  }
  return lines
}
