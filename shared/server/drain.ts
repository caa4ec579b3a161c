// Leaving without losing a request. `server.close()` alone hangs on keep-alive connections (knative.md §1.1).
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Drainable {
  /** From now on every answer says `Connection: close`, so that keep-alive clients leave; new ones are still served. */
  retire(): void
  /** Stops accepting, closes what is idle, waits for what is in flight, and cuts it after `limitMs`. False when it had to cut. */
  finish(limitMs: number): Promise<boolean>
}

/** How often connections that became idle after the close are looked for; Node looks only once. */
const sweepMs = 50

/** Call before `listen`. Upgraded sockets are not the server's any more: their owner has to end them. */
export function drainable(server: Server): Drainable {
  let retiring = false
  server.prependListener('request', (_request, response) => {
    if (retiring) response.shouldKeepAlive = false
  })
  return {
    retire() {
      retiring = true
    },
    async finish(limitMs) {
      retiring = true
      return closeWithin(server, limitMs)
    },
  }
}

async function closeWithin(server: Server, limitMs: number): Promise<boolean> {
  if (!server.listening) return true
  const closed = new AbortController()
  const gone = new Promise<void>((resolve) => {
    server.close(() => {
      closed.abort()
      resolve()
    })
  })
  const deadline = performance.now() + limitMs
  while (!closed.signal.aborted && performance.now() < deadline) {
    server.closeIdleConnections()
    await sleep(sweepMs, undefined, { signal: closed.signal }).catch(() => undefined)
  }
  const finished = closed.signal.aborted
  server.closeAllConnections()
  await gone
  return finished
}
