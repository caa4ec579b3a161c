import { createServer } from 'node:http'
import { performance } from 'node:perf_hooks'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { drainable } from '#shared/server/drain.ts'
import { listen, type Address } from '#shared/server/listen.ts'

export interface Closable {
  readonly port: number
  close(): Promise<void>
}

/** Of the delay between two runs of a timer, so they contain the timer's own period. */
const LAG_QUANTILES = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']
const START_TIME = 'process_start_time_seconds'
/** The longest that a timer can have. */
const NEVER_MS = 2 ** 31 - 1

/**
 * A registry of its own with the default process metrics, but for those that wake a process a hundred times a second, which is a hundredth
 * of a core for as long as it lives. How busy the event loop was since the last scrape costs nothing.
 */
export function createMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS })
  for (const quantile of LAG_QUANTILES) registry.removeSingleMetric(`nodejs_eventloop_lag_${quantile}_seconds`)
  // prom-client looks at the clock when it is loaded, which was when the image was made
  registry.removeSingleMetric(START_TIME)
  const started = new Gauge({
    name: START_TIME,
    help: 'Start time of the process since unix epoch in seconds.',
    registers: [registry],
    aggregator: 'omit',
  })
  started.set(Math.round(Date.now() / 1000 - process.uptime()))
  let last = performance.eventLoopUtilization()
  const utilization = new Gauge({
    name: 'nodejs_eventloop_utilization_ratio',
    help: 'Share of the time since the last scrape in which the event loop did something, from 0 to 1.',
    registers: [],
    collect() {
      const now = performance.eventLoopUtilization()
      this.set(performance.eventLoopUtilization(now, last).utilization)
      last = now
    },
  })
  registry.registerMetric(utilization)
  return registry
}

/** `GET /metrics` on a port of its own, away from traffic and its network policy. */
export async function serveMetrics(registry: Registry, address: Address): Promise<Closable> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    } else if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
    } else {
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    }
  })
  const drain = drainable(server)
  const port = await listen(server, address)
  return { port, close: async () => void (await drain.finish(1000)) }
}
