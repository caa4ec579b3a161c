// The three ports of a replica and the order in which it leaves: not ready at once, still serving, then the last request.
import { createServer, type Server, type ServerOptions } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import type { Registry } from 'prom-client'
import { drainable } from '#shared/server/drain.ts'
import { listen } from '#shared/server/listen.ts'
import type { Log } from '#shared/server/log.ts'
import { serveMetrics } from '#shared/server/metrics.ts'
import { probes } from '#shared/server/serve.ts'
import { serverOptions } from './connection/server-options.ts'
import type { Door } from './route.ts'
import type { Wake } from './wake.ts'

export interface Ports {
  readonly host?: string | undefined
  readonly port: number
  readonly controlPort: number
  readonly metricsPort: number
}

export interface Leaving {
  /** DRAIN_DELAY */
  readonly drainDelayMs: number
  /** How long what is held or under way may still take after that. */
  readonly finishWithinMs: number
}

export interface Serving {
  readonly port: number
  readonly controlPort: number
  readonly metricsPort: number
  stop(): Promise<void>
}

const controlFinishMs = 2_000

/** `onLeaving` is called first: from then on the replica is not ready. */
export async function serveWake(
  wake: Wake,
  ports: Ports,
  leaving: Leaving & { readonly onLeaving: () => void },
  means: { readonly metrics: Registry; readonly log: Log },
): Promise<Serving> {
  const { host } = ports
  const traffic = trafficServer(wake.door)
  const trafficDrain = drainable(traffic)
  const app = probes(wake.ready).route('/', wake.control)
  app.onError((error, context) => {
    means.log.error({ error, method: context.req.method, path: context.req.path }, 'a control call failed')
    return context.body(null, 500)
  })
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const control = createServer((request, response) => void answer(request, response))
  const controlDrain = drainable(control)
  const metrics = await serveMetrics(means.metrics, { host, port: ports.metricsPort })
  const controlPort = await listen(control, { host, port: ports.controlPort })
  const port = await listen(traffic, { host, port: ports.port })

  async function leave(): Promise<void> {
    leaving.onLeaving()
    trafficDrain.retire()
    await sleep(leaving.drainDelayMs)
    wake.leave()
    // Whoever decides about sleep must be able to ask us for as long as we hold anything.
    const finished = await trafficDrain.finish(leaving.finishWithinMs)
    if (!finished)
      means.log.warn({ finishWithinMs: leaving.finishWithinMs }, 'cut the requests that did not finish in time')
    await wake.close()
    await controlDrain.finish(controlFinishMs)
    await metrics.close()
  }

  let stopping: Promise<void> | undefined
  return { port, controlPort, metricsPort: metrics.port, stop: () => (stopping ??= leave()) }
}

/** `over`: only tests are less patient. */
export function trafficServer(door: Door, over: ServerOptions = {}): Server {
  const server = createServer({ ...serverOptions, ...over })
  server.on('request', door.request)
  // Answered by the instance, when the request is handed over, not by us before.
  server.on('checkContinue', door.request)
  server.on('upgrade', door.upgrade)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
  })
  return server
}
