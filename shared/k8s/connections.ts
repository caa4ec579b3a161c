// The open connections to one API server, and the identity they were opened with.
import { Agent } from 'undici'

import type { Identity, ReadIdentity } from './identity.ts'
import type { Limits } from './limits.ts'

/** At once, for calls. Watches have theirs beside these, or enough of them would leave no room for a call. */
const CALL_CONNECTIONS = 16
const KEEP_ALIVE_MS = 30_000
/** The kernel notices that the other machine is gone this long after its last sign, plus ten probes a second apart. */
const TCP_KEEP_ALIVE_MS = 10_000

export interface Connection {
  readonly identity: Identity
  readonly calls: Agent
  readonly watches: Agent
}

export interface Connections {
  current(): Promise<Connection>
  /** `used` did not do (401): reads the identity again at once, unless that has happened since. */
  renew(used: Connection): Promise<void>
  close(): Promise<void>
}

export function createConnections(first: Identity, read: ReadIdentity, limits: Limits): Connections {
  let connection = open(first, limits)
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
    connection = open(identity, limits)
    void shut(last, 'close')
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
    close: () => shut(connection, 'destroy'),
  }
}

function open(identity: Identity, limits: Limits): Connection {
  const shared = {
    allowH2: false, // a watch on each stream of one connection: one lost packet would hold them all up
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: {
      ...identity.tls,
      timeout: limits.connectMs,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    },
  }
  return {
    identity,
    calls: new Agent({ ...shared, connections: CALL_CONNECTIONS, headersTimeout: 0, bodyTimeout: 0 }),
    watches: new Agent({ ...shared, headersTimeout: limits.watchOpenMs, bodyTimeout: limits.watchSilenceMs }),
  }
}

function sameServer(a: Identity, b: Identity): boolean {
  return a.server === b.server && JSON.stringify(a.tls) === JSON.stringify(b.tls)
}

/** `close` lets what is under way finish. */
async function shut({ calls, watches }: Connection, how: 'close' | 'destroy'): Promise<void> {
  await Promise.all([calls[how](), watches[how]()])
}
