// What the stand-in does in PostgreSQL: it needs the same two databases as Odoo, and its counters live in the tenant's.
import { Client, type ClientConfig, Pool } from 'pg'

import type { DatabaseAddress, Settings } from './settings.ts'

export interface User {
  readonly id: number
  readonly login: string
  readonly password: string | null
}

export interface Note {
  readonly id: number
  readonly text: string
}

export interface Database {
  /** Counts one visit and says how many there were. */
  visit(): Promise<number>
  /** The active user with this login or this id. */
  user(who: string | number): Promise<User | undefined>
  users(): Promise<readonly User[]>
  addNote(text: string): Promise<Note>
  notes(): Promise<readonly Note[]>
  /** Runs the scheduled jobs that are due, which do nothing, and says which those were. */
  runCrons(): Promise<readonly string[]>
  /** Whether the maintenance database answers, for `/web/health?db_server_status=1`. */
  serverAnswers(): Promise<boolean>
  close(): Promise<void>
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS standin_counter (name text PRIMARY KEY, value bigint NOT NULL);
  CREATE TABLE IF NOT EXISTS standin_note (id bigserial PRIMARY KEY, text text NOT NULL)`

/** As Odoo after a downtime: each overdue job once, and its next time lies in the future. */
const CRONS = `
  UPDATE ir_cron SET lastcall = now() AT TIME ZONE 'UTC',
    nextcall = now() AT TIME ZONE 'UTC' + (interval_number || ' ' || interval_type)::interval
  WHERE active AND nextcall <= now() AT TIME ZONE 'UTC' RETURNING cron_name AS name`

/**
 * Rejects where Odoo 19 would give up: its own database refuses the role, or the one named `postgres` does, to which it
 * connects for the bus and the crons.
 */
export async function openDatabase({ database, postgres }: Settings, shared = 'postgres'): Promise<Database> {
  const maintenance = await listen(postgres, shared)
  const pool = new Pool({ ...clientConfig(postgres, database), max: 4, idleTimeoutMillis: 0 })
  // A lost idle connection is no reason to die: the pool opens another when one is needed.
  pool.on('error', () => {})
  try {
    await pool.query(TABLES)
  } catch (error) {
    await Promise.allSettled([pool.end(), maintenance.end()])
    throw error
  }
  return { ...queries(pool), serverAnswers: () => answers(postgres, shared), close: () => closeAll(pool, maintenance) }
}

type Queries = Omit<Database, 'serverAnswers' | 'close'>

function queries(pool: Pool): Queries {
  return {
    async visit() {
      const { rows } = await pool.query<{ value: string }>(
        `INSERT INTO standin_counter VALUES ('visits', 1)
         ON CONFLICT (name) DO UPDATE SET value = standin_counter.value + 1 RETURNING value`,
      )
      return Number(rows[0]?.value)
    },
    async user(who) {
      const column = typeof who === 'number' ? 'id' : 'login'
      const sql = `SELECT id, login, password FROM res_users WHERE ${column} = $1 AND active`
      const { rows } = await pool.query<User>(sql, [who])
      return rows[0]
    },
    async users() {
      const { rows } = await pool.query<User>(
        'SELECT id, login, NULL AS password FROM res_users WHERE active ORDER BY id',
      )
      return rows
    },
    async addNote(text) {
      const { rows } = await pool.query<{ id: string }>('INSERT INTO standin_note (text) VALUES ($1) RETURNING id', [
        text,
      ])
      return { id: Number(rows[0]?.id), text }
    },
    async notes() {
      const { rows } = await pool.query<{ id: string; text: string }>('SELECT id, text FROM standin_note ORDER BY id')
      return rows.map(({ id, text }) => ({ id: Number(id), text }))
    },
    async runCrons() {
      const { rows } = await pool.query<{ name: string }>(CRONS)
      return rows.map(({ name }) => name)
    },
  }
}

/** The one connection that Odoo's cron thread keeps open for as long as the instance is awake. */
async function listen(address: DatabaseAddress, database: string): Promise<Client> {
  const client = new Client(clientConfig(address, database))
  // Revoked or cut while running: Odoo's cron thread ends for good and its pages go on.
  client.on('error', () => {})
  await client.connect()
  await client.query('LISTEN cron_trigger')
  return client
}

async function answers(address: DatabaseAddress, database: string): Promise<boolean> {
  const client = new Client(clientConfig(address, database))
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

async function closeAll(pool: Pool, maintenance: Client): Promise<void> {
  await Promise.allSettled([pool.end(), maintenance.end()])
}

function clientConfig({ host, port, user, password, ssl }: DatabaseAddress, database: string): ClientConfig {
  const encrypted = ssl ? { ssl: { rejectUnauthorized: false } } : {}
  return { host, port, user, password, database, connectionTimeoutMillis: 5000, application_name: 'odoo', ...encrypted }
}
