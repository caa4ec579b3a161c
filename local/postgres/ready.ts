import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { PostgresStartError } from './errors.ts'
import { lastLines } from './initialise.ts'

/** After a power cut the server first replays its log, which may take a while. */
const READY_MS = 60_000
const TRY_EVERY_MS = 40

/** Returns when the server lets its superuser in. */
export async function untilReady(options: {
  readonly adminUrl: string
  readonly child: ChildProcess
  readonly log: string
  readonly signal: AbortSignal
}): Promise<void> {
  const { adminUrl, child, log, signal } = options
  let failure: Error | undefined
  child.once('error', (error) => (failure = error))
  const end = performance.now() + READY_MS
  while (performance.now() < end) {
    const reason = await knock(adminUrl)
    if (reason === undefined) return
    signal.throwIfAborted()
    if (failure || child.exitCode !== null || child.signalCode !== null) {
      throw new PostgresStartError(`PostgreSQL ended while starting: ${failure?.message ?? (await endOf(log))}`)
    }
    await sleep(TRY_EVERY_MS)
  }
  throw new PostgresStartError(`PostgreSQL did not get ready within ${READY_MS / 1000} s: ${await endOf(log)}`)
}

async function knock(connectionString: string): Promise<unknown> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return undefined
  } catch (error) {
    return error
  } finally {
    await client.end().catch(() => {})
  }
}

async function endOf(log: string): Promise<string> {
  return lastLines(await readFile(log, 'utf8').catch(() => 'no log was written'), 3)
}
