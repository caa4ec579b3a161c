// What the main.ts of every function does, so that it only has to say what is its own.
import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { z } from 'zod'
import { createPublisher, type Publisher } from '#shared/events/publish.ts'
import { entry } from '#shared/server/entry.ts'
import { duration, EnvError, port, readEnv, url, type Environment } from '#shared/server/env.ts'
import { createLog, type Log } from '#shared/server/log.ts'
import { createMetrics } from '#shared/server/metrics.ts'
import { serve } from '#shared/server/serve.ts'
import { startTelemetry } from '#shared/server/telemetry.ts'

/** Variables that mean the same to every function. */
export const commonEnv = {
  /** Every address of both families when not set: Knative and the kubelet ask by the pod's, which may be an IPv6 one. */
  HOST: z.string().optional(),
  PORT: port.prefault('8080'),
  METRICS_PORT: port.prefault('9464'),
  DRAIN_DELAY: duration.prefault('3s'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  K_SINK: url.optional(),
  BROKER_URL: url.optional(),
  K_CE_OVERRIDES: z.string().optional(),
}
const commonSchema = z.object(commonEnv)
type CommonEnv = z.output<typeof commonSchema>

export interface Kit<Env> {
  readonly name: string
  /** `//functions.platxa.io/{name}`: the source of the events it emits. */
  readonly source: string
  readonly env: Env
  readonly log: Log
  readonly metrics: Registry
  /** Ends when the last request is answered: for loops and watches. */
  readonly signal: AbortSignal
  /** To the broker named by `K_SINK` or `BROKER_URL`; throws when neither is set. */
  readonly publisher: () => Publisher
  /** Called in reverse order when the last request is answered. */
  readonly onStop: (close: () => Promise<void> | void) => void
}

export interface FunctionParts<Shape extends z.ZodRawShape> {
  readonly name: string
  /** The function's own variables, beside `commonEnv`. */
  readonly env: Shape
  readonly app: (kit: Kit<z.output<z.ZodObject<Shape>>>) => Hono | Promise<Hono>
  readonly ready?: (() => boolean) | undefined
}

/** Runs until SIGTERM. */
export function runFunction<Shape extends z.ZodRawShape>(parts: FunctionParts<Shape>, env?: Environment): void {
  // made here, they are in the snapshot
  const schemas = { all: z.object({ ...commonEnv, ...parts.env }), own: z.object(parts.env) }
  entry(parts.name, () => start(parts, schemas, env).catch((error: unknown) => couldNotStart(parts.name, error)))
}

/** Says why in one log line and leaves with 1. */
export function couldNotStart(name: string, error: unknown): never {
  const fields = error instanceof EnvError ? { faults: error.faults } : { error }
  createLog(name).error(fields, 'could not start')
  process.exit(1)
}

interface Schemas<Shape extends z.ZodRawShape> {
  readonly all: z.ZodObject
  readonly own: z.ZodObject<Shape>
}

async function start<Shape extends z.ZodRawShape>(
  parts: FunctionParts<Shape>,
  schemas: Schemas<Shape>,
  env?: Environment,
): Promise<void> {
  // All together first, so that all faults are reported together; then each with its own type.
  const effective = readEnv(schemas.all, env)
  const common = readEnv(commonSchema, env)
  const own = readEnv(schemas.own, env)
  const log = createLog(parts.name, { level: common.LOG_LEVEL })
  const stopTelemetry = await startTelemetry(parts.name, env)
  const metrics = createMetrics()
  const ending = new AbortController()
  const closers: (() => Promise<void> | void)[] = []
  const app = await parts.app({
    name: parts.name,
    source: `//functions.platxa.io/${parts.name}`,
    env: own,
    log,
    metrics,
    signal: ending.signal,
    publisher: () => publisherOf(common, log),
    onStop: (close) => void closers.push(close),
  })
  log.info({ env: effective }, 'starting')
  await serve({
    app,
    host: common.HOST,
    port: common.PORT,
    metrics,
    metricsPort: common.METRICS_PORT,
    drainDelayMs: common.DRAIN_DELAY,
    log,
    ready: parts.ready,
    async stop() {
      ending.abort()
      for (const close of closers.toReversed()) await close()
      await stopTelemetry().catch((error: unknown) => log.warn({ error }, 'traces are lost'))
    },
  })
}

function publisherOf({ K_SINK, BROKER_URL, K_CE_OVERRIDES }: CommonEnv, log: Log): Publisher {
  const sink = K_SINK ?? BROKER_URL
  if (!sink) throw new EnvError(['K_SINK is not set, nor is BROKER_URL'])
  return createPublisher({ sink, overrides: K_CE_OVERRIDES, log })
}
