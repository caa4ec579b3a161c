// The open connections to one API server, and the identity they were opened with.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

import { type Pool, TCP_KEEP_ALIVE_MS } from './exchange.ts'
import type { Identity, ReadIdentity } from './identity.ts'
import type { Limits } from './limits.ts'

/** At once, for calls. Watches have theirs beside these, or enough of them would leave no room for a call. */
const CALL_CONNECTIONS = 16
/** Of a connection that nobody uses. */
const IDLE_MS = 30_000

export interface Connection {
  readonly identity: Identity
  readonly calls: Pool
  readonly watches: Pool
}

export interface Connections {
  current(): Promise<Connection>
  /** `used` did not do (401): reads the identity again at once, unless that has happened since. */
  renew(used: Connection): Promise<void>
  close(): void
}

export function createConnections(first: Identity, read: ReadIdentity, limits: Limits): Connections {
  let connection = open(first)
  let readAt = Date.now()
  let reading: Promise<void> | undefined

  async function readAgain(refused: boolean): Promise<void> {
    // a file that cannot be read at this moment does not make the last token worse
    const identity = await read(refused).catch(() => connection.identity)
    readAt = Date.now()
    const last = connection
    if (sameServer(last.identity, identity)) {
      connection = { ...last, identity }
      return
    }
    connection = open(identity)
    retire(last)
  }

  const refresh = (refused: boolean) => (reading ??= readAgain(refused).finally(() => (reading = undefined)))

  return {
    current: async () => {
      if (Date.now() - readAt >= limits.identityMs) await refresh(false)
      return connection
    },
    renew: async (used) => {
      if (used === connection) await refresh(true)
    },
    close: () => {
      connection.calls.destroy()
      connection.watches.destroy()
    },
  }
}

function open(identity: Identity): Connection {
  const shared = {
    ...identity.tls,
    keepAlive: true,
    keepAliveMsecs: TCP_KEEP_ALIVE_MS,
    timeout: IDLE_MS,
    scheduling: 'lifo',
  } as const
  const Agent = new URL(identity.server).protocol === 'https:' ? HttpsAgent : HttpAgent
  return { identity, calls: new Agent({ ...shared, maxSockets: CALL_CONNECTIONS }), watches: new Agent(shared) }
}

function sameServer(a: Identity, b: Identity): boolean {
  return a.server === b.server && JSON.stringify(a.tls) === JSON.stringify(b.tls)
}

/** What is under way finishes; after that nothing of them stays open. */
function retire({ calls, watches }: Connection): void {
  for (const pool of [calls, watches]) {
    pool.keepSocketAlive = () => false
    for (const socket of Object.values(pool.freeSockets).flatMap((sockets) => sockets ?? [])) socket.destroy()
  }
}
