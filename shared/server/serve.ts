import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
// its router needs no preparation before the first request, and there are four paths
import { Hono as QuickHono } from 'hono/quick'
import type { Registry } from 'prom-client'
import { drainable } from '#shared/server/drain.ts'
import { listen } from '#shared/server/listen.ts'
import type { Log } from '#shared/server/log.ts'
import { serveMetrics } from '#shared/server/metrics.ts'
import { onTermination } from '#shared/server/termination.ts'
import { within } from '#shared/server/within.ts'

export interface Serving {
  readonly app: Hono
  readonly host?: string | undefined
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
  /** Runs when the last request is answered: connections, pools, telemetry. After 5 s the process leaves without it. */
  readonly stop?: (() => Promise<void>) | undefined
}

export interface Running {
  readonly port: number
  readonly metricsPort: number
  /** What SIGTERM and SIGINT do, without leaving the process. */
  stop(): Promise<void>
}

const stopWithinMs = 5000
/** Longer than Go's clients keep an idle connection (90 s): who closes last never loses a request to a closing socket. */
const keepAliveMs = 120_000

/** `/health/liveness`, `/health/readiness`, the app, metrics on their own port, drain on SIGTERM and exit 0. */
export async function serve(serving: Serving): Promise<Running> {
  const { app, host, log, drainDelayMs, finishWithinMs = 25_000, ready = () => true } = serving
  const state = { draining: false }
  const whole = wholeApp(app, () => !state.draining && ready(), log)
  const answer = getRequestListener(whole.fetch, { overrideGlobalObjects: false })
  const server = createServer((request, response) => void answer(request, response))
  server.keepAliveTimeout = keepAliveMs
  const drain = drainable(server)
  const metrics = await serveMetrics(serving.metrics, { host, port: serving.metricsPort })
  const port = await listen(server, { host, port: serving.port })

  const stop = once(async () => {
    state.draining = true
    drain.retire()
    await sleep(drainDelayMs)
    const finished = await drain.finish(finishWithinMs)
    if (!finished) log.warn({ finishWithinMs }, 'cut the requests that did not finish in time')
    await within(stopWithinMs, serving.stop?.() ?? Promise.resolve(), 'closing connections')
    await metrics.close()
  })
  onTermination({ log, stop })
  log.info({ host, port, metricsPort: metrics.port }, 'listening')
  return { port, metricsPort: metrics.port, stop }
}

/** The two paths Knative's `func` and our manifests ask for. Not ready is 503, which no proxy takes for an answer of the app. */
export function probes(ready: () => boolean): Hono {
  return new QuickHono()
    .get('/health/liveness', (context) => context.text('alive'))
    .get('/health/readiness', (context) => (ready() ? context.text('ready') : context.text('not ready', 503)))
}

function wholeApp(app: Hono, ready: () => boolean, log: Log): Hono {
  const whole = probes(ready).route('/', app)
  // An event sent to a path that does not exist is a wrong manifest: 404 would make the broker send it for minutes.
  whole.notFound((context) => context.body(null, context.req.method === 'POST' ? 400 : 404))
  whole.onError((error, context) => {
    log.error({ error, method: context.req.method, path: context.req.path }, 'a request failed')
    return context.body(null, 500)
  })
  return whole
}

function once(stop: () => Promise<void>): () => Promise<void> {
  let stopping: Promise<void> | undefined
  return () => (stopping ??= stop())
}
