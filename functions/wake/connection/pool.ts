import { ForwardFault } from './fault.ts'
import type { Limits } from './limits.ts'
import type { Watchdog, Watched } from './watchdog.ts'
import { Wire, type Target } from './wire.ts'

/** A request that wants a wire. */
export interface Passenger {
  board(wire: Wire): void
  /** There is none to be had. */
  left(fault: ForwardFault): void
}

/** `any` idle socket will do; only a `fresh` one, used just now; only a `new` one. */
export type Wanted = 'any' | 'fresh' | 'new'

/** Where wires come from and go back to. */
export interface Source {
  /** Calls `board` or `left` once, at once when a socket is idle. */
  take(passenger: Passenger, wanted: Wanted): void
  /** The passenger no longer wants what it asked for. */
  forget(passenger: Passenger): void
  /** The exchange on it has come to its end. */
  put(wire: Wire): void
}

interface Waiting extends Watched {
  readonly passenger: Passenger
}

/** The sockets to one instance: at most so many, the one used last is used next. */
export class Pool implements Source {
  private readonly target: Target
  private readonly limits: Limits
  private readonly watchdog: Watchdog
  private readonly idle: Wire[] = []
  private readonly wires = new Map<Wire, Passenger | undefined>()
  private readonly queue = new Map<Passenger, Waiting>()
  private readonly freshTicks: number
  private readonly onEmpty: () => void

  constructor(target: Target, limits: Limits, watchdog: Watchdog, onEmpty: () => void) {
    this.target = target
    this.limits = limits
    this.watchdog = watchdog
    this.freshTicks = watchdog.ticks(limits.freshMs)
    this.onEmpty = onEmpty
  }

  get size(): number {
    return this.wires.size
  }

  get waiting(): number {
    return this.queue.size
  }

  take(passenger: Passenger, wanted: Wanted): void {
    const wire = wanted === 'new' ? undefined : this.kept(wanted)
    if (wire !== undefined) passenger.board(wire)
    else if (this.wires.size < this.limits.sockets) this.dial(passenger)
    else if (this.queue.size < this.limits.queue) this.wait(passenger)
    else passenger.left(new ForwardFault('queue full', `${this.limits.queue} requests wait for this instance`))
  }

  forget(passenger: Passenger): void {
    this.unqueue(passenger)
    for (const [wire, waits] of this.wires) if (waits === passenger) this.wires.set(wire, undefined)
    this.emptied()
  }

  put(wire: Wire): void {
    wire.leave()
    wire.carried += 1
    if (!wire.keep) wire.socket.destroy()
    if (!wire.socket.destroyed) this.offer(wire, this.nextWaiting())
  }

  private offer(wire: Wire, passenger: Passenger | undefined): void {
    if (passenger !== undefined) {
      passenger.board(wire)
      return
    }
    wire.expect('idle', this.watchdog.ticks(this.limits.keepMs))
    this.idle.push(wire)
  }

  /** Closes what is idle; what is in use closes when it is done. */
  release(): void {
    for (const wire of this.wires.keys()) wire.keep = false
    for (const wire of this.idle.splice(0)) wire.socket.destroy()
  }

  close(): void {
    const fault = new ForwardFault('closing', 'this proxy is closing')
    for (const passenger of this.queue.keys()) {
      this.unqueue(passenger)
      passenger.left(fault)
    }
    this.idle.length = 0
    for (const wire of this.wires.keys()) wire.cut(fault)
  }

  private kept(wanted: 'any' | 'fresh'): Wire | undefined {
    const wire = this.idle.at(-1)
    if (wire === undefined || (wanted === 'fresh' && !wire.isFresh(this.freshTicks))) return undefined
    this.idle.pop()
    return wire.socket.destroyed ? this.kept(wanted) : wire
  }

  private dial(passenger: Passenger): void {
    const wire = new Wire(this.target, this.watchdog, this.watchdog.ticks(this.limits.connectMs), {
      open: (wire) => this.opened(wire),
      close: (wire) => this.closed(wire),
    })
    this.wires.set(wire, passenger)
  }

  private opened(wire: Wire): void {
    const passenger = this.wires.get(wire) ?? this.nextWaiting()
    this.wires.set(wire, undefined)
    this.offer(wire, passenger)
  }

  private closed(wire: Wire): void {
    const passenger = this.wires.get(wire)
    this.wires.delete(wire)
    const at = this.idle.indexOf(wire)
    if (at >= 0) this.idle.splice(at, 1)
    if (passenger !== undefined) passenger.left(wire.fault())
    const next = this.nextWaiting()
    if (next !== undefined) this.dial(next)
    this.emptied()
  }

  private wait(passenger: Passenger): void {
    const waiting: Waiting = {
      passenger,
      alive: this.watchdog.tick,
      patience: this.watchdog.ticks(this.limits.firstByteMs),
      onSilence: () => {
        this.unqueue(passenger)
        passenger.left(new ForwardFault('first byte', 'no place at the instance within the limit'))
      },
    }
    this.queue.set(passenger, waiting)
    this.watchdog.add(waiting)
  }

  private nextWaiting(): Passenger | undefined {
    const [next] = this.queue.keys()
    if (next !== undefined) this.unqueue(next)
    return next
  }

  private unqueue(passenger: Passenger): void {
    const waiting = this.queue.get(passenger)
    if (waiting === undefined) return
    this.queue.delete(passenger)
    this.watchdog.delete(waiting)
  }

  private emptied(): void {
    if (this.wires.size === 0 && this.queue.size === 0) this.onEmpty()
  }
}
