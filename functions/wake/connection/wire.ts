import { connect, type Socket } from 'node:net'
import { giveBuffer, shared, takeBuffer } from './buffers.ts'
import { ForwardFault, type FaultName } from './fault.ts'
import type { Watchdog, Watched } from './watchdog.ts'

export interface Target {
  /** An IP address: names are not looked up on the way of a request. */
  readonly host: string
  readonly port: number
}

/** Whoever uses a wire at the moment. */
export interface Rider {
  /** `bytes[0, length)` are only good until this returns. `false`: read no more until `resume`. */
  onBytes(bytes: Buffer, length: number): boolean
  /** What was written has left. */
  onDrain(): void
  /** The instance will send no more. It may still read: the rider closes the wire when that is of no use. */
  onEnd(): void
  /** The wire is dead. */
  onGone(fault: ForwardFault): void
}

/** One socket to an instance. */
export class Wire implements Watched {
  readonly socket: Socket
  rider: Rider | undefined
  /** Exchanges that it has carried to their end. */
  carried = 0
  open = false
  /** Whether it may carry another exchange after this one. */
  keep = true
  alive: number
  patience: number
  /** What the next read fills. */
  private buffer = shared
  private limit: FaultName = 'connect'
  private failure: ForwardFault | undefined
  private readonly watchdog: Watchdog

  constructor(
    target: Target,
    watchdog: Watchdog,
    connectTicks: number,
    events: { open(wire: Wire): void; close(wire: Wire): void },
  ) {
    this.watchdog = watchdog
    this.alive = watchdog.tick
    this.patience = connectTicks
    const onread = { buffer: () => this.buffer, callback: (length: number) => this.read(length) }
    this.socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      keepAlive: true,
      allowHalfOpen: true,
      onread,
    })
    watchdog.add(this)
    this.socket
      .once('connect', () => {
        this.open = true
        events.open(this)
      })
      .on('drain', () => {
        this.touch()
        this.rider?.onDrain()
      })
      .once('end', () => (this.rider === undefined ? this.socket.destroy() : this.rider.onEnd()))
      .once(
        'error',
        (error) => (this.failure ??= new ForwardFault(this.open ? 'instance gone' : 'connect', error.message, error)),
      )
      .once('close', () => {
        watchdog.delete(this)
        this.leave()?.onGone(this.fault())
        events.close(this)
      })
  }

  /** Why it died. */
  fault(): ForwardFault {
    return this.failure ?? new ForwardFault(this.open ? 'instance gone' : 'connect', 'the connection was closed')
  }

  /** From now on silence means `limit`. */
  expect(limit: FaultName, ticks: number): void {
    this.limit = limit
    this.patience = ticks
    this.alive = this.watchdog.tick
  }

  touch(): void {
    this.alive = this.watchdog.tick
  }

  /** Whether its last sign of life is at most so many ticks old. */
  isFresh(ticks: number): boolean {
    return this.watchdog.tick - this.alive <= ticks
  }

  leave(): Rider | undefined {
    const { rider } = this
    this.rider = undefined
    return rider
  }

  /** Makes the bytes of this read the rider's own, to be given back to the buffers by it. False: they are not to be had. */
  handOver(bytes: Buffer): boolean {
    if (bytes === shared || bytes !== this.buffer) return false
    this.buffer = takeBuffer()
    return true
  }

  onSilence(): void {
    this.cut(new ForwardFault(this.limit, 'the limit ran out'))
  }

  cut(fault: ForwardFault): void {
    this.failure ??= fault
    this.socket.destroy()
  }

  private read(length: number): boolean {
    this.touch()
    const { buffer } = this
    if (this.rider === undefined) {
      // Nobody asked: whatever this is, it must not be taken for the answer to the next request.
      this.socket.destroy()
      return false
    }
    const more = this.rider.onBytes(buffer, length)
    if (this.rider === undefined) this.share()
    // A full read is the beginning of something large.
    else if (length === buffer.length && this.buffer === shared) this.buffer = takeBuffer()
    return more
  }

  /** Only from within a read: Node asks for the next buffer right behind it, and until then the kernel may write to this one. */
  private share(): void {
    if (this.buffer !== shared) giveBuffer(this.buffer)
    this.buffer = shared
  }
}
