import type { Server } from 'node:http'

export interface Drainable {
  /** From now on every answer says `Connection: close`, so that keep-alive clients leave; new ones are still served. */
  retire(): void
  /** Stops accepting, closes what is idle, waits for what is in flight, and cuts it after `limitMs`. False when it had to cut. */
  finish(limitMs: number): Promise<boolean>
}

/** Call before `listen`. Upgraded sockets are not the server's any more: their owner has to end them. */
export function drainable(server: Server): Drainable {
  throw new Error(`not written yet: ${server.listening}`)
}
