import type { Registry } from 'prom-client'
import type { Address } from '#shared/server/listen.ts'

export interface Closable {
  readonly port: number
  close(): Promise<void>
}

/** A registry of its own with the default process metrics. */
export function createMetrics(): Registry {
  throw new Error('not written yet')
}

/** `GET /metrics` on a port of its own, away from traffic and its network policy. */
export async function serveMetrics(registry: Registry, address: Address): Promise<Closable> {
  throw new Error(`not written yet: ${registry.contentType} ${address.port}`)
}
