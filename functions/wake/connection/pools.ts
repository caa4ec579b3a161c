import type { Pool } from './pool.ts'
import type { Target } from './wire.ts'

type Make = (target: Target, onEmpty: () => void) => Pool

/** A pool per target, for as long as it has a socket. By host, then by port: two look-ups cost less than making one key of both. */
export class Pools {
  private readonly byHost = new Map<string, Map<number, Pool>>()
  private readonly make: Make

  constructor(make: Make) {
    this.make = make
  }

  known({ host, port }: Target): Pool | undefined {
    return this.byHost.get(host)?.get(port)
  }

  of(target: Target): Pool {
    return this.known(target) ?? this.add(target)
  }

  *all(): Generator<Pool> {
    for (const byPort of this.byHost.values()) yield* byPort.values()
  }

  private add(target: Target): Pool {
    const { host, port } = target
    const byPort = this.byHost.get(host) ?? new Map<number, Pool>()
    const pool = this.make(target, () => {
      byPort.delete(port)
      if (byPort.size === 0 && this.byHost.get(host) === byPort) this.byHost.delete(host)
    })
    byPort.set(port, pool)
    this.byHost.set(host, byPort)
    return pool
  }
}
