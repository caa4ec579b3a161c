import type { Duplex } from 'node:stream'
import type { Rider, Wire } from './wire.ts'

/**
 * Sees the bytes of an upgraded connection go by, and may change what goes on: the same Buffer lets it pass, another one
 * replaces it, `undefined` swallows it. The Buffer is the tap's to keep.
 */
export interface Tap {
  fromClient?(bytes: Buffer, splice: Splice): Buffer | undefined
  fromInstance?(bytes: Buffer, splice: Splice): Buffer | undefined
  /** The instance ended its side, or died. `true`: the caller has taken the client's socket from here (`Splice.takeClient`). */
  onInstanceEnd?(splice: Splice): boolean
}

export type SpliceEnd = 'closed' | 'client taken'

/** Two sockets that have become one: bytes both ways, each side only as fast as the other, half-close passed on. */
export class Splice implements Rider {
  readonly client: Duplex
  private readonly wire: Wire
  private readonly tap: Tap
  private readonly idleTicks: number
  private readonly onOver: (end: SpliceEnd) => void
  private clientEnded = false
  private instanceEnded = false
  private over = false

  constructor(client: Duplex, wire: Wire, tap: Tap, idleTicks: number, onOver: (end: SpliceEnd) => void) {
    this.client = client
    this.wire = wire
    this.tap = tap
    this.idleTicks = idleTicks
    this.onOver = onOver
    wire.rider = this
    wire.expect('idle', Infinity)
    client.on('data', this.onClientBytes).on('drain', this.onClientDrain)
    client.once('end', this.onClientEnd).once('close', this.onClientClose)
  }

  /** Says something to the instance as if the client had. */
  toInstance(bytes: Buffer): void {
    if (!this.wire.socket.writableEnded) this.wire.socket.write(bytes)
  }

  toClient(bytes: Buffer): boolean {
    return this.client.writableEnded || this.client.write(bytes)
  }

  /** From here on the client's socket is the caller's; the instance's is closed. */
  takeClient(): Duplex {
    this.client.off('data', this.onClientBytes).off('drain', this.onClientDrain)
    this.client.off('end', this.onClientEnd).off('close', this.onClientClose)
    this.wire.leave()
    this.wire.socket.destroy()
    this.finish('client taken')
    return this.client
  }

  onBytes(bytes: Buffer, length: number): boolean {
    const copy = Buffer.copyBytesFrom(bytes, 0, length)
    const passed = this.tap.fromInstance === undefined ? copy : this.tap.fromInstance(copy, this)
    return passed === undefined || this.over || this.toClient(passed)
  }

  onDrain(): void {
    if (!this.over) this.client.resume()
  }

  onEnd(): void {
    if (this.tap.onInstanceEnd?.(this) === true) return
    this.instanceEnded = true
    this.client.end()
    this.halfClosed()
  }

  onGone(): void {
    if (this.over || (!this.instanceEnded && this.tap.onInstanceEnd?.(this) === true)) return
    this.client.destroy()
    this.finish('closed')
  }

  readonly onClientBytes = (bytes: Buffer): void => {
    const passed = this.tap.fromClient === undefined ? bytes : this.tap.fromClient(bytes, this)
    if (passed === undefined || this.over || this.wire.socket.writableEnded) return
    if (!this.wire.socket.write(passed)) this.client.pause()
  }

  private readonly onClientDrain = (): void => {
    this.wire.touch()
    this.wire.socket.resume()
  }

  private readonly onClientEnd = (): void => {
    this.clientEnded = true
    this.wire.socket.end()
    this.halfClosed()
  }

  private readonly onClientClose = (): void => {
    this.wire.leave()
    if (this.clientEnded && this.instanceEnded) this.wire.socket.end()
    else this.wire.socket.destroy()
    this.finish('closed')
  }

  /** One side has said all it had to say: the other one may still talk, but not be silent for ever. */
  private halfClosed(): void {
    if (this.clientEnded && this.instanceEnded) this.finish('closed')
    else this.wire.expect('idle', this.idleTicks)
  }

  private finish(end: SpliceEnd): void {
    if (this.over) return
    this.over = true
    this.onOver(end)
  }
}
