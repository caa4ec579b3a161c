// What the main.ts of every function does, so that it only has to say what is its own.
import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import type { z } from 'zod'
import type { Publisher } from '#shared/events/publish.ts'
import type { Environment } from '#shared/server/env.ts'
import type { Log } from '#shared/server/log.ts'

export interface Kit<Env> {
  readonly name: string
  /** `//functions.platxa.io/{name}`: the source of the events it emits. */
  readonly source: string
  readonly env: Env
  readonly log: Log
  readonly metrics: Registry
  /** Ends when the process drains and the last request is answered: for loops and watches. */
  readonly signal: AbortSignal
  /** To the broker named by `K_SINK` or `BROKER_URL`; throws when neither is set. */
  publisher(): Publisher
  /** Called in reverse order when the last request is answered. */
  onStop(close: () => Promise<void> | void): void
}

export interface FunctionParts<Shape extends z.ZodRawShape> {
  readonly name: string
  /** The function's own variables; HOST, PORT, METRICS_PORT, DRAIN_DELAY, LOG_LEVEL, K_SINK … are everybody's. */
  readonly env: Shape
  readonly app: (kit: Kit<z.output<z.ZodObject<Shape>>>) => Hono | Promise<Hono>
  readonly ready?: (() => boolean) | undefined
}

export async function runFunction<Shape extends z.ZodRawShape>(
  parts: FunctionParts<Shape>,
  env?: Environment,
): Promise<void> {
  throw new Error(`not written yet: ${parts.name} ${env}`)
}
