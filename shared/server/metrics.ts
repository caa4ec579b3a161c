import { createServer } from 'node:http'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { drainable } from '#shared/server/drain.ts'
import { listen, type Address } from '#shared/server/listen.ts'

export interface Closable {
  readonly port: number
  close(): Promise<void>
}

/** A registry of its own with the default process metrics. */
export function createMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
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
