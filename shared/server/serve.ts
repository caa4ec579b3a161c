import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import type { Log } from '#shared/server/log.ts'

export interface Serving {
  readonly app: Hono
  readonly host: string
  readonly port: number
  readonly metrics: Registry
  readonly metricsPort: number
  /** How long requests are still accepted after SIGTERM: proxies hear of it ± 30 ms later or earlier (design.md §8.10). */
  readonly drainDelayMs: number
  /** How long requests in flight may take after that; 25 s when left out. */
  readonly finishWithinMs?: number | undefined
  readonly log: Log
  /** Asked by the readiness probe; always ready when left out. */
  readonly ready?: (() => boolean) | undefined
  /** Runs when the last request is answered: connections, pools, telemetry. The signal ends after 10 s. */
  readonly stop?: ((signal: AbortSignal) => Promise<void>) | undefined
}

export interface Running {
  readonly port: number
  readonly metricsPort: number
  /** What SIGTERM and SIGINT do, without leaving the process. */
  stop(): Promise<void>
}

/** `/health/liveness`, `/health/readiness`, the app, metrics on their own port, drain on SIGTERM and exit 0. */
export async function serve(serving: Serving): Promise<Running> {
  throw new Error(`not written yet: ${serving.port}`)
}
