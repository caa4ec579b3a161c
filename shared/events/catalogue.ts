// Every event that is spoken here: one strict schema per type for its data (design.md §3). Strict, because a field we
// do not know in our own events is a mistake of the sender that should show at once, not a value silently ignored.
import { z } from 'zod'

/** DNS label that leaves room for the prefix `instance-` within the 63 characters of a namespace name. */
export const instanceName = z
  .string()
  .max(54, 'must have at most 54 characters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label: a-z, 0-9 and inner hyphens')
export const tier = z.enum(['free', 'pro', 'team', 'enterprise'])
export type Tier = z.output<typeof tier>
export const status = z.enum(['active', 'suspended', 'disabled'])
export type Status = z.output<typeof status>
export const trigger = z.enum(['http', 'manual', 'cron'])
export type Trigger = z.output<typeof trigger>

/** Counter of the Instance Manager per instance: older than what is applied means "ignore me". */
const revision = z.int().min(0)
/** The Major version alone, as in the name of the template database: `19`. */
const odooVersion = z.string().regex(/^[1-9][0-9]$/, 'must be a major version such as "19"')
/** Usable as a label value, so that objects can be found by owner. */
const ownerId = z
  .string()
  .max(63, 'must have at most 63 characters')
  .regex(/^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$/, 'must be usable as a label value')
const host = z
  .string()
  .max(253, 'must have at most 253 characters')
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/,
    'must be a host name in lower case, without port or wildcard',
  )
const hosts = z
  .array(host)
  .min(1, 'must name at least one host')
  .max(20, 'must name at most 20 hosts')
  .refine((all) => new Set(all).size === all.length, 'must not name a host twice')
/** UID of a Kubernetes object. */
const uid = z.string().regex(/^[-A-Za-z0-9]{1,64}$/, 'must be the UID of a Kubernetes object')
const namespace = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be the name of a namespace')
const templateName = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be the name of a template database')
const login = z
  .string()
  .min(1)
  .max(254)
  .regex(/^[^\s\p{Cc}]+$/u, 'must not contain spaces or control characters')
/** RFC 3339. */
const instant = z.iso.datetime({ offset: true })
const count = z.int().min(0)
const milliseconds = z.int().min(0)
/** A word that programs may compare, such as `image-pull` or `active-session`; the human sentence stands beside it. */
const slug = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be a short word in lower case with hyphens')
const sentence = z.string().min(1).max(2000)
const labels = z.record(z.string(), z.string())

const alert = z.strictObject({
  alert: z.string().min(1),
  labels,
  namespace: z.string().min(1).optional(),
  fingerprint: z.string().min(1),
})

export const catalogue = {
  'io.platxa.instance.requested.v1': z.strictObject({
    name: instanceName,
    revision,
    ownerId,
    tier,
    odooVersion,
    hosts,
    template: templateName.optional(),
    adminLogin: login.optional(),
  }),
  'io.platxa.instance.tier.changed.v1': z.strictObject({
    name: instanceName,
    revision,
    tier,
    apply: z.enum(['now', 'when-asleep']),
  }),
  'io.platxa.instance.status.changed.v1': z.strictObject({
    name: instanceName,
    revision,
    status,
    reason: sentence.optional(),
  }),
  'io.platxa.instance.removal.requested.v1': z.strictObject({
    name: instanceName,
    revision,
    /** Of the namespace: a namesake that was created later must survive. */
    uid,
    keepDatabase: z.boolean(),
  }),
  'io.platxa.instance.wake.requested.v1': z.strictObject({
    name: instanceName,
    trigger,
    deploymentUid: uid.optional(),
  }),
  'io.platxa.instance.idle.detected.v1': z.strictObject({
    name: instanceName,
    lastActivityAt: instant,
    idleSeconds: count,
    deploymentUid: uid,
    /** How long without activity counts as idle: IDLE_TIMEOUT, or less when an operator asked for it. */
    timeoutSeconds: count.optional(),
    /** What the wake replicas said, added up over all of them. */
    evidence: z.strictObject({
      replicas: count,
      inFlight: count,
      sockets: count,
      humanIdleSeconds: count.nullable(),
      awakeSeconds: count.nullable(),
    }),
  }),
  'io.platxa.instance.provisioned.v1': z.strictObject({
    name: instanceName,
    revision,
    namespace,
    uid,
    url: z.url({ protocol: /^https?$/ }),
  }),
  'io.platxa.instance.provision.failed.v1': z.strictObject({
    name: instanceName,
    revision,
    reason: sentence,
    step: slug,
  }),
  'io.platxa.instance.woken.v1': z.strictObject({
    name: instanceName,
    trigger,
    /** Each counted from the moment the wake began. */
    milliseconds: z.strictObject({
      total: milliseconds,
      scheduled: milliseconds.optional(),
      pulled: milliseconds.optional(),
      started: milliseconds.optional(),
      ready: milliseconds.optional(),
    }),
  }),
  'io.platxa.instance.wake.failed.v1': z.strictObject({
    name: instanceName,
    trigger,
    reason: slug,
    detail: sentence,
  }),
  'io.platxa.instance.slept.v1': z.strictObject({
    name: instanceName,
    awakeSeconds: count,
    why: sentence,
  }),
  'io.platxa.instance.sleep.declined.v1': z.strictObject({
    name: instanceName,
    veto: slug,
    detail: sentence.optional(),
  }),
  'io.platxa.instance.tier.applied.v1': z.strictObject({
    name: instanceName,
    revision,
    tier,
    /** Whether the instance had to restart for it. */
    restarted: z.boolean(),
  }),
  'io.platxa.instance.status.applied.v1': z.strictObject({
    name: instanceName,
    revision,
    status,
  }),
  'io.platxa.instance.removed.v1': z.strictObject({
    name: instanceName,
    revision,
    uid,
    databaseKept: z.boolean(),
  }),
  'io.platxa.alert.firing.v1': alert,
  'io.platxa.alert.resolved.v1': alert,
  'io.platxa.idle.scan.requested.v1': z.strictObject({
    scope: z.union([z.literal('all'), z.array(instanceName).min(1).max(500)], {
      error: 'must be "all" or a list of instance names',
    }),
    /** Instead of IDLE_TIMEOUT, for an operator who wants an instance asleep sooner. A request in flight still vetoes. */
    idleSeconds: count.optional(),
  }),
  /** Knative's cron tick: no body, or an empty one (knative.md §2.8). */
  'dev.knative.sources.ping': z
    .union([z.undefined(), z.null(), z.literal(''), z.strictObject({})], { error: 'must be empty' })
    .transform((): undefined => undefined),
} as const satisfies Record<string, z.ZodType>

export type EventType = keyof typeof catalogue
export type EventData<T extends EventType> = z.output<(typeof catalogue)[T]>

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(catalogue, type)
}

/** Where the JSON Schema of a type's data is published; foreign types have none. */
export function dataschemaOf(type: EventType): string | undefined {
  return type.startsWith('io.platxa.') ? `https://schemas.platxa.io/events/${type}.json` : undefined
}

/** The document to publish at `dataschemaOf(type)`. */
export function jsonSchemaOf(type: EventType): object {
  return { $id: dataschemaOf(type), ...z.toJSONSchema(catalogue[type], { io: 'input', unrepresentable: 'any' }) }
}

/** The instance an event speaks of, by its data or else its subject `instances/{name}`. */
export function instanceOf(event: {
  readonly data: unknown
  readonly subject?: string | undefined
}): string | undefined {
  const named = z.object({ name: instanceName }).safeParse(event.data)
  if (named.success) return named.data.name
  const subject = instanceName.safeParse(event.subject?.replace(/^instances\//, ''))
  return event.subject?.startsWith('instances/') && subject.success ? subject.data : undefined
}

/** All faults in one line, each led by its field: `hosts[0] must be …; tier Invalid option …`. */
export function explain(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${fieldOf(path)} ${message}`).join('; ')
}

function fieldOf(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
  return text.replace(/^\./, '') || 'data'
}
