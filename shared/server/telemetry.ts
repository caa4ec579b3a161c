// Traces. Only `@opentelemetry/api` is imported; the SDK costs 0.3 s of every cold start and is loaded when it is asked for.
import {
  context,
  isSpanContextValid,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api'
import { z } from 'zod'
import { flag, readEnv, type Environment } from '#shared/server/env.ts'
import { within } from '#shared/server/within.ts'

const scope = 'platxa-functions'
/** The exporter itself would try for 10 s while the pod is about to be killed. */
const lastTracesWithinMs = 3000

const telemetryEnv = z.object({
  OTEL_SDK_DISABLED: flag.default(false),
  OTEL_TRACES_EXPORTER: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  OTEL_SERVICE_NAME: z.string().optional(),
})

let tracing = false

/** The one question of a hot path. */
export function isTracing(): boolean {
  return tracing
}

/**
 * Loads the SDK only when the usual `OTEL_*` variables name an exporter; it reads the rest of them itself. Metrics and logs
 * have their own ways out of here, so only traces are exported. Returns the function that sends what is left and ends it.
 */
export async function startTelemetry(serviceName: string, env?: Environment): Promise<() => Promise<void>> {
  const settings = readEnv(telemetryEnv, env)
  if (!wantsTraces(settings)) return async () => undefined
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  const sdk = new NodeSDK({
    serviceName: settings.OTEL_SERVICE_NAME ?? serviceName,
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  tracing = true
  return () => {
    tracing = false
    return within(lastTracesWithinMs, sdk.shutdown(), 'the last traces')
  }
}

function wantsTraces(settings: z.output<typeof telemetryEnv>): boolean {
  if (settings.OTEL_SDK_DISABLED || settings.OTEL_TRACES_EXPORTER === 'none') return false
  return Boolean(
    settings.OTEL_TRACES_EXPORTER ??
    settings.OTEL_EXPORTER_OTLP_ENDPOINT ??
    settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  )
}

/** Runs `fn` inside a span; a W3C `traceparent`, where given and valid, becomes its parent. */
export async function withSpan<T>(
  name: string,
  attributes: Attributes,
  parent: string | undefined,
  fn: (span: Span) => Promise<T>,
): Promise<T> {
  return trace.getTracer(scope).startActiveSpan(name, { attributes }, contextOf(parent), async (span) => {
    try {
      return await fn(span)
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) })
      if (error instanceof Error) span.recordException(error)
      throw error
    } finally {
      span.end()
    }
  })
}

/** A span that is begun in one place and ended in another. */
export interface OpenSpan {
  /** W3C Trace Context of it; undefined when nothing is traced. */
  readonly traceparent: string | undefined
  /** Spans and events that `fn` makes, also later, are children of this one. */
  within<T>(fn: () => T): T
  /** `atMs`: milliseconds since 1970. */
  event(name: string, atMs: number): void
  /** A fault says in one word why it did not come to its good end. */
  end(fault?: string): void
}

/** A child of the span that is active, or the first of a new trace. */
export function beginSpan(name: string, attributes: Attributes): OpenSpan {
  const span = trace.getTracer(scope).startSpan(name, { attributes })
  const inside = trace.setSpan(context.active(), span)
  return {
    traceparent: traceparentOf(span),
    within: (fn) => context.with(inside, fn),
    event: (what, atMs) => void span.addEvent(what, atMs),
    end(fault) {
      if (fault !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: fault })
      span.end()
    },
  }
}

/** A moment worth seeing in the span that is active, if one is. */
export function noteOnSpan(what: string): void {
  trace.getActiveSpan()?.addEvent(what)
}

/** W3C Trace Context of the active span; undefined when nothing is traced. */
export function currentTraceparent(): string | undefined {
  return traceparentOf(trace.getActiveSpan())
}

function traceparentOf(active: Span | undefined): string | undefined {
  const span = active?.spanContext()
  if (!span || !isSpanContextValid(span)) return undefined
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`
}

/** https://www.w3.org/TR/trace-context/#traceparent-header-field-values; later versions may append fields. */
const traceparentShape = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

function contextOf(traceparent: string | undefined): Context {
  const [, , traceId, spanId, flags = '00'] = traceparentShape.exec(traceparent ?? '') ?? []
  if (!traceId || !spanId) return context.active()
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  const spanContext = { traceId, spanId, traceFlags, isRemote: true }
  return isSpanContextValid(spanContext) ? trace.setSpanContext(context.active(), spanContext) : context.active()
}
