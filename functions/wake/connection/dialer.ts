import { ForwardFault } from './fault.ts'
import type { Passenger, Source } from './pool.ts'
import type { Watchdog } from './watchdog.ts'
import { Wire, type Target } from './wire.ts'

/** One new wire for one passenger, never kept: for connections that turn into something else. */
export class Dialer implements Source {
  private readonly target: Target
  private readonly watchdog: Watchdog
  private readonly connectMs: number
  private wire: Wire | undefined
  private passenger: Passenger | undefined

  constructor(target: Target, watchdog: Watchdog, connectMs: number) {
    this.target = target
    this.watchdog = watchdog
    this.connectMs = connectMs
  }

  take(passenger: Passenger): void {
    this.passenger = passenger
    this.wire = new Wire(this.target, this.watchdog, this.watchdog.ticks(this.connectMs), {
      open: (wire) => this.claim()?.board(wire),
      close: (wire) => this.claim()?.left(wire.fault()),
    })
  }

  forget(): void {
    if (this.claim() !== undefined) this.wire?.cut(new ForwardFault('connect', 'nobody waits for it any more'))
  }

  put(wire: Wire): void {
    wire.leave()
    wire.socket.destroy()
  }

  close(): void {
    this.wire?.cut(new ForwardFault('closing', 'this proxy is closing'))
  }

  private claim(): Passenger | undefined {
    const { passenger } = this
    this.passenger = undefined
    return passenger
  }
}
