/**
 * The platform's own connections. Straight to the server, never through a pooler in transaction mode: CREATE DATABASE,
 * session locks and LISTEN do not survive one.
 */
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientConfig, type QueryResultRow } from 'pg'
import { asPostgresError, PostgresUnavailable } from './errors.ts'
import { hasNoTls, type SslMode, tlsOf } from './tls.ts'

export interface PostgresSettings {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly sslmode: SslMode
  /** PEM of the authority, where it is not a public one. */
  readonly ca?: string | undefined
}

/** One connection, in use by one caller. */
export interface Session {
  readonly user: string
  /** 15, 16, … */
  readonly major: number
  /** Aborted when the connection is gone, and with it every lock it held. */
  readonly lost: AbortSignal
  query<Row extends QueryResultRow = QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

export interface SessionOptions {
  /** The maintenance database unless named. */
  readonly database?: string
  /** Limit of one statement. */
  readonly timeoutMs?: number
  /** Aborted: the running statement is cancelled in the server, and `use` rejects with the signal's reason. */
  readonly signal: AbortSignal
}

export interface Admin {
  readonly settings: PostgresSettings
  session<T>(options: SessionOptions, use: (session: Session) => Promise<T>): Promise<T>
}

export const MAINTENANCE = 'postgres'
const CONNECT_MS = 5_000
const STATEMENT_MS = 30_000
/** After a cancel request the server normally ends a statement at once. Beyond this the connection is cut. */
const CANCEL_MS = 2_000

/** From a URL such as the local world's `adminUrl`. */
export function settingsFromUrl(url: string): PostgresSettings {
  const { hostname, port, username, password } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    sslmode: 'disable',
  }
}

/** Nothing is dialled yet. A connection lives as long as one `session`: the work here is rare and long, a pool would idle. */
export function connectPostgres(settings: PostgresSettings): Admin {
  return { settings, session: (options, use) => withSession(settings, options, use) }
}

async function withSession<T>(
  settings: PostgresSettings,
  options: SessionOptions,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { signal } = options
  signal.throwIfAborted()
  const connection = await dialAsTold(settings, options)
  try {
    return await use(await openSession(connection, settings, signal))
  } finally {
    await connection.client.end().catch(() => {})
  }
}

interface Connection {
  readonly client: Client
  readonly socket: Socket
  readonly lost: AbortSignal
}

async function dialAsTold(settings: PostgresSettings, options: SessionOptions): Promise<Connection> {
  try {
    return await dial(settings, options)
  } catch (error) {
    if (settings.sslmode !== 'prefer' || !hasNoTls(error)) throw error
    return dial({ ...settings, sslmode: 'disable' }, options)
  }
}

async function dial(settings: PostgresSettings, options: SessionOptions): Promise<Connection> {
  const { signal } = options
  const socket = new Socket()
  const client = new Client(configOf(settings, options, socket))
  const lost = new AbortController()
  const onLost = (): void => lost.abort(new PostgresUnavailable('the connection to PostgreSQL was lost'))
  client.on('error', onLost)
  client.on('end', onLost)
  const giveUp = (): void => void socket.destroy()
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    await client.connect()
    return { client, socket, lost: lost.signal }
  } catch (error) {
    // The driver does not close what it could not open.
    socket.destroy()
    signal.throwIfAborted()
    throw asPostgresError(error, `PostgreSQL at ${settings.host}:${settings.port}: `)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function configOf(settings: PostgresSettings, options: SessionOptions, socket: Socket): ClientConfig {
  const { host, port, user, password, sslmode, ca } = settings
  const timeoutMs = options.timeoutMs ?? STATEMENT_MS
  return {
    host,
    port,
    user,
    password,
    database: options.database ?? MAINTENANCE,
    stream: () => socket,
    ssl: tlsOf(sslmode, ca),
    application_name: 'platxa-functions',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    statement_timeout: timeoutMs,
    lock_timeout: timeoutMs,
    idle_in_transaction_session_timeout: timeoutMs,
    // The server enforces the limit itself; this one is for a server that is no longer there.
    query_timeout: timeoutMs + CONNECT_MS,
    // A tenant may put functions of its own into schema public. None of them is ever found by a name without a schema.
    options: '-c search_path=pg_catalog,pg_temp -c client_min_messages=warning',
  }
}

async function openSession(
  { client, socket, lost }: Connection,
  settings: PostgresSettings,
  signal: AbortSignal,
): Promise<Session> {
  const query = async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    signal.throwIfAborted()
    const cancel = (): void => void cancelStatement(settings, pid, socket)
    signal.addEventListener('abort', cancel, { once: true })
    try {
      return (await client.query<Row>(text, [...values])).rows
    } catch (error) {
      signal.throwIfAborted()
      throw asPostgresError(error)
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
  let pid = 0
  const [self] = await query<{ pid: number; user: string; version: string }>(
    `SELECT pg_backend_pid() AS pid, current_user AS "user", current_setting('server_version_num') AS version`,
  )
  pid = self?.pid ?? 0
  return { user: self?.user ?? settings.user, major: Math.floor(Number(self?.version) / 10_000), lost, query }
}

/** Cancels as another session of the same user would: that way it works over TLS too, unlike the protocol's own request. */
async function cancelStatement(settings: PostgresSettings, pid: number, socket: Socket): Promise<void> {
  const client = new Client({
    ...configOf(settings, { signal: AbortSignal.timeout(CANCEL_MS), timeoutMs: CANCEL_MS }, new Socket()),
    connectionTimeoutMillis: CANCEL_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT pg_cancel_backend($1)', [pid])
  } catch {
    // The server is out of reach. The connection is cut below, and the server ends the statement when it notices.
  } finally {
    await client.end().catch(() => {})
  }
  await sleep(CANCEL_MS, undefined, { ref: false })
  socket.destroy()
}
