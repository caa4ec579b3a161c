import type { Attributes, Span } from '@opentelemetry/api'
import type { Environment } from '#shared/server/env.ts'

/**
 * Loads the SDK (0.3 s) only when the usual `OTEL_*` variables name an exporter. Returns the function that sends what is
 * left and shuts down.
 */
export async function startTelemetry(serviceName: string, env?: Environment): Promise<() => Promise<void>> {
  throw new Error(`not written yet: ${serviceName} ${env}`)
}

/** Runs `fn` inside a span; a W3C `traceparent`, where given and valid, becomes its parent. */
export async function withSpan<T>(
  name: string,
  attributes: Attributes,
  parent: string | undefined,
  fn: (span: Span) => Promise<T>,
): Promise<T> {
  throw new Error(`not written yet: ${name} ${parent} ${Object.keys(attributes)} ${fn.name}`)
}

/** W3C Trace Context of the active span; undefined when nothing is traced. */
export function currentTraceparent(): string | undefined {
  return undefined
}
