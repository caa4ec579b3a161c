import { connect, type Socket } from 'node:net'
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

// What is read is used up before the next read can happen, so that all sockets share these bytes and an idle one has none.
const READ = Buffer.allocUnsafeSlow(64 * 1024)

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
    const onread = { buffer: READ, callback: (length: number) => this.read(length) }
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

  onSilence(): void {
    this.cut(new ForwardFault(this.limit, 'the limit ran out'))
  }

  cut(fault: ForwardFault): void {
    this.failure ??= fault
    this.socket.destroy()
  }

  private read(length: number): boolean {
    this.touch()
    if (this.rider !== undefined) return this.rider.onBytes(READ, length)
    // Nobody asked: whatever this is, it must not be taken for the answer to the next request.
    this.socket.destroy()
    return false
  }
}
