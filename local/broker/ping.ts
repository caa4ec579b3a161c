// PingSource: the cron that publishes into the broker.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cron } from 'croner'
import type { BrokerEvent } from './event.ts'
import type { PingSourceManifest } from './manifest.ts'

/** Posts to the sink; answers the status, undefined when nobody answered. */
export type Send = (event: BrokerEvent, signal: AbortSignal) => Promise<number | undefined>

const RETRIES = 5
const FIRST_PAUSE_MS = 50
const RETRIED = new Set([404, 413, 425, 429, 502, 503, 504])

/** Starts the schedule; the returned function ends it. */
export function startPing(source: PingSourceManifest, send: Send): () => void {
  const stop = new AbortController()
  const timezone = source.spec.timezone === undefined ? {} : { timezone: source.spec.timezone }
  const job = new Cron(source.spec.schedule, { ...timezone, unref: true }, async () => {
    await tick(source, send, stop.signal)
  })
  return () => {
    job.stop()
    stop.abort()
  }
}

/** One tick: the same event over all its retries. A 500 is not retried: the tick is lost, the next one comes anyway. */
export async function tick(source: PingSourceManifest, send: Send, signal: AbortSignal): Promise<number | undefined> {
  const event = pingEvent(source, new Date())
  for (let retry = 0; ; retry += 1) {
    const status = await send(event, signal)
    const again = status === undefined || RETRIED.has(status)
    if (!again || retry >= RETRIES || signal.aborted) return status
    await sleep(FIRST_PAUSE_MS * 2 ** retry, undefined, { signal }).catch(() => {})
  }
}

function pingEvent({ metadata, spec }: PingSourceManifest, now: Date): BrokerEvent {
  return {
    attributes: {
      specversion: '1.0',
      id: randomUUID(),
      source: `/apis/v1/namespaces/${metadata.namespace}/pingsources/${metadata.name}`,
      type: 'dev.knative.sources.ping',
      time: now.toISOString(),
      ...spec.ceOverrides?.extensions,
    },
    contentType: spec.data === undefined ? undefined : (spec.contentType ?? 'text/plain'),
    body: Buffer.from(spec.data ?? ''),
  }
}
