// Broker, Trigger and PingSource as the manifests spell them: the part of Knative's API that the local broker follows.
// An unknown field is an error: what a cluster would honour and we would overlook must not pass unseen.
import { z } from 'zod'

const metadata = z.object({ name: z.string().min(1), namespace: z.string().min(1) })

/** ISO 8601 durations as Knative uses them (PT0.5S, PT1M30S) → milliseconds. */
export const isoDuration = z
  .string()
  .regex(/^PT(?=[\d.])(?:\d+(?:\.\d+)?H)?(?:\d+(?:\.\d+)?M)?(?:\d+(?:\.\d+)?S)?$/, 'not an ISO 8601 time like PT0.5S')
  .transform((text) => Temporal.Duration.from(text).total('milliseconds'))

export const destination = z
  .strictObject({
    ref: z
      .strictObject({
        apiVersion: z.string().optional(),
        kind: z.string(),
        name: z.string(),
        namespace: z.string().optional(),
      })
      .optional(),
    uri: z.string().optional(),
  })
  .refine(({ ref, uri }) => ref !== undefined || uri !== undefined, 'needs ref or uri')
export type Destination = z.output<typeof destination>

const deliverySpec = z.strictObject({
  retry: z.int().min(0).default(0),
  backoffPolicy: z.enum(['linear', 'exponential']).default('exponential'),
  backoffDelay: isoDuration.prefault('PT0.2S'),
  timeout: isoDuration.optional(),
  format: z.enum(['binary', 'json']).optional(),
  deadLetterSink: destination.optional(),
})
export type DeliverySpec = z.output<typeof deliverySpec>

const oneAttribute = z
  .record(z.string(), z.string())
  .refine((value) => Object.keys(value).length > 0, 'names no attribute')

/** `filters` of the CloudEvents Subscriptions API, without `cesql`. */
export type Filter =
  | { readonly exact: Record<string, string> }
  | { readonly prefix: Record<string, string> }
  | { readonly suffix: Record<string, string> }
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly not: Filter }
const filter: z.ZodType<Filter> = z.lazy(() =>
  z.union([
    z.strictObject({ exact: oneAttribute }),
    z.strictObject({ prefix: oneAttribute }),
    z.strictObject({ suffix: oneAttribute }),
    z.strictObject({ all: z.array(filter).min(1) }),
    z.strictObject({ any: z.array(filter).min(1) }),
    z.strictObject({ not: filter }),
  ]),
)

export const brokerManifest = z.object({
  kind: z.literal('Broker'),
  metadata,
  spec: z.object({ delivery: deliverySpec.optional() }).default({}),
})
export type BrokerManifest = z.output<typeof brokerManifest>

export const triggerManifest = z.object({
  kind: z.literal('Trigger'),
  metadata,
  spec: z.strictObject({
    broker: z.string(),
    filter: z.strictObject({ attributes: z.record(z.string(), z.string()).optional() }).optional(),
    filters: z.array(filter).optional(),
    subscriber: destination,
    delivery: deliverySpec.optional(),
  }),
})
export type TriggerManifest = z.output<typeof triggerManifest>

export const pingSourceManifest = z.object({
  kind: z.literal('PingSource'),
  metadata,
  spec: z.strictObject({
    schedule: z.string(),
    timezone: z.string().optional(),
    contentType: z.string().optional(),
    data: z.string().optional(),
    sink: destination,
    ceOverrides: z.strictObject({ extensions: z.record(z.string(), z.string()).optional() }).optional(),
  }),
})
export type PingSourceManifest = z.output<typeof pingSourceManifest>
