// A receiver of OTLP/HTTP with JSON: what an OpenTelemetry collector would have been sent.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { listen } from '#shared/server/listen.ts'

export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: OtlpAttributes
  readonly events: readonly { readonly name: string }[]
  readonly status: { readonly code?: number; readonly message?: string }
}
type OtlpAttributes = readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpAttributes }
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[]
  }[]
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT; anything else that is posted here is taken, too. */
  readonly url: string
  spans(): OtlpSpan[]
  /** `service.name` of everyone who has exported. */
  services(): (string | undefined)[]
  /** The `traceparent` header of everything that was posted. */
  readonly hops: (string | undefined)[]
  close(): void
}

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const exported: OtlpTraces[] = []
  const hops: (string | undefined)[] = []
  const server = createServer((request, response) => {
    hops.push(request.headers['traceparent']?.toString())
    void json(request).then((body) => {
      if (request.url === '/v1/traces') exported.push(body as OtlpTraces)
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const resources = (): OtlpTraces['resourceSpans'][number][] => exported.flatMap(({ resourceSpans }) => resourceSpans)
  return {
    url: `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}`,
    spans: () => resources().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    services: () => resources().map(({ resource }) => attribute(resource, 'service.name')),
    hops,
    close: () => server.close().closeAllConnections(),
  }
}

export function attribute(of: { readonly attributes: OtlpAttributes }, name: string): string | undefined {
  return of.attributes.find(({ key }) => key === name)?.value.stringValue
}
