// A broker behind its real ingress, and real servers as subscribers, for the tests of this folder.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { type Broker, createBroker } from '#local/broker/broker.ts'
import { ingress } from '#local/broker/ingress.ts'
import { brokerManifest, triggerManifest } from '#local/broker/manifest.ts'

export interface Received {
  readonly atMs: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What a subscriber answers to its n-th request (from 1). */
export type Script = (n: number, request: Received) => Reply | Promise<Reply>
export interface Reply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

export interface Subscriber extends AsyncDisposable {
  readonly url: string
  readonly received: Received[]
}

export async function subscriber(script: Script = () => ({ status: 204 })): Promise<Subscriber> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')))
    request.on('end', () => {
      const one = { atMs: performance.now(), headers: request.headers, body }
      received.push(one)
      void Promise.resolve(script(received.length, one)).then((reply) =>
        response.writeHead(reply.status, reply.headers).end(reply.body),
      )
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${port(server.address())}/`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** An address where nobody listens. */
export async function deadUrl(): Promise<string> {
  await using gone = await subscriber()
  return gone.url
}

export interface TriggerSpec {
  readonly name?: string
  readonly to: string
  readonly filter?: Record<string, string>
  readonly filters?: unknown[]
  readonly delivery?: Record<string, unknown>
}

export interface BrokerWorld extends AsyncDisposable {
  readonly url: string
  readonly broker: Broker
  send(event?: Event): Promise<{ status: number; tookMs: number }>
}

export interface Event {
  readonly id?: string
  readonly type?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly signal?: AbortSignal
}

export async function brokerWorld(
  triggers: readonly TriggerSpec[],
  delivery: Record<string, unknown> = { retry: 0 },
): Promise<BrokerWorld> {
  const broker = createBroker({
    brokers: [
      brokerManifest.parse({
        kind: 'Broker',
        metadata: { name: 'default', namespace: 'platxa' },
        spec: { delivery },
      }),
    ],
    triggers: triggers.map((spec, index) =>
      triggerManifest.parse({
        kind: 'Trigger',
        metadata: { name: spec.name ?? `trigger-${index}`, namespace: 'platxa' },
        spec: {
          broker: 'default',
          subscriber: { uri: spec.to },
          ...(spec.filter && { filter: { attributes: spec.filter } }),
          ...(spec.filters && { filters: spec.filters }),
          ...(spec.delivery && { delivery: spec.delivery }),
        },
      }),
    ),
    resolve: ({ uri }) => ({ name: uri ?? '', address: uri }),
  })
  const server = serve({ fetch: ingress(broker).fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((done) => server.once('listening', done))
  const url = `http://127.0.0.1:${port(server.address())}`
  return {
    url,
    broker,
    async send({ id = 'e1', type = 't.ask', headers = {}, body, signal } = {}) {
      const startedAt = performance.now()
      const response = await fetch(`${url}/platxa/default`, {
        method: 'POST',
        headers: { 'ce-specversion': '1.0', 'ce-id': id, 'ce-source': '/test', 'ce-type': type, ...headers },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      })
      return { status: response.status, tookMs: performance.now() - startedAt }
    },
    async [Symbol.asyncDispose]() {
      await new Promise((done) => server.close(done))
    },
  }
}

function port(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return address.port
}
