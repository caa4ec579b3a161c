// Every event that is spoken here: one strict schema per type for its data (design.md §3). Strict, because a field we
// do not know in our own events is a mistake of the sender that should show at once, not a value silently ignored.
import { z } from 'zod'
import {
  count,
  deploymentUid,
  hosts,
  instanceName,
  instant,
  login,
  milliseconds,
  namespace,
  namespaceUid,
  odooVersion,
  ownerId,
  revision,
  sentence,
  slug,
  status,
  templateName,
  tier,
  trigger,
  url,
} from '#shared/events/fields.ts'

export { instanceName, status, tier } from '#shared/events/fields.ts'
export type { Status, Tier, Trigger } from '#shared/events/fields.ts'

const alert = z.strictObject({
  alert: z.string().min(1).describe('Name of the alert.'),
  labels: z.record(z.string(), z.string()).describe('All labels, as Alertmanager has them.'),
  namespace: z.string().min(1).optional().describe('Namespace that the alert speaks of, where it has such a label.'),
  fingerprint: z.string().min(1).describe('What Alertmanager knows the alert by.'),
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
    apply: z
      .enum(['now', 'when-asleep'])
      .describe('Whether an instance that is awake may restart for it, or keeps its old tier until it sleeps.'),
  }),
  'io.platxa.instance.status.changed.v1': z.strictObject({
    name: instanceName,
    revision,
    status,
    reason: sentence.optional().describe('Why, for people who look at the instance.'),
  }),
  'io.platxa.instance.removal.requested.v1': z.strictObject({
    name: instanceName,
    revision,
    /** A namesake that was created later must survive. */
    uid: namespaceUid,
    keepDatabase: z.boolean().describe('Freeze the database instead of dropping it.'),
  }),
  'io.platxa.instance.wake.requested.v1': z.strictObject({
    name: instanceName,
    trigger,
    deploymentUid: deploymentUid.optional(),
  }),
  'io.platxa.instance.idle.detected.v1': z.strictObject({
    name: instanceName,
    lastActivityAt: instant.describe('When the last activity ended.'),
    idleSeconds: count.describe('For how long nobody has used it.'),
    deploymentUid,
    timeoutSeconds: count
      .optional()
      .describe('How long without activity counts as idle: IDLE_TIMEOUT, or less when an operator asked for it.'),
    evidence: z
      .strictObject({
        replicas: count.describe('How many wake replicas were asked; all of them answered.'),
        inFlight: count.describe('Requests on their way.'),
        sockets: count.describe('Open WebSockets, which are no activity by themselves.'),
        humanIdleSeconds: count.nullable().describe('Since somebody moved; null when nobody was seen.'),
        awakeSeconds: count.nullable().describe('For how long it has been awake.'),
      })
      .describe('What the wake replicas said, added up over all of them.'),
  }),
  'io.platxa.instance.provisioned.v1': z.strictObject({
    name: instanceName,
    revision,
    namespace,
    uid: namespaceUid,
    url,
  }),
  'io.platxa.instance.provision.failed.v1': z.strictObject({
    name: instanceName,
    revision,
    reason: sentence.describe('What is wrong, for people.'),
    step: slug.describe('Where it failed, for programs: namespace, database, version, template, spec or objects.'),
  }),
  'io.platxa.instance.woken.v1': z.strictObject({
    name: instanceName,
    trigger,
    milliseconds: z
      .strictObject({
        total: milliseconds.describe('Until requests are let in.'),
        scheduled: milliseconds.optional().describe('Until the pod had a node.'),
        pulled: milliseconds.optional().describe('Until its image was there.'),
        started: milliseconds.optional().describe('Until its container ran.'),
        ready: milliseconds.optional().describe('Until it answered.'),
      })
      .describe('Each counted from the moment the wake began.'),
  }),
  'io.platxa.instance.wake.failed.v1': z.strictObject({
    name: instanceName,
    trigger,
    reason: slug.describe('What is wrong, for programs, such as image-pull, quota or timeout.'),
    detail: sentence.describe('What is wrong, for people.'),
  }),
  'io.platxa.instance.slept.v1': z.strictObject({
    name: instanceName,
    awakeSeconds: count.describe('For how long it had been awake.'),
    why: sentence.describe('Why it was put to sleep, for people.'),
  }),
  'io.platxa.instance.sleep.declined.v1': z.strictObject({
    name: instanceName,
    veto: slug.describe('What keeps it awake, for programs, such as request-in-flight or presence.'),
    detail: sentence.optional().describe('What keeps it awake, for people.'),
  }),
  'io.platxa.instance.tier.applied.v1': z.strictObject({
    name: instanceName,
    revision,
    tier,
    restarted: z.boolean().describe('Whether the instance had to restart for it.'),
  }),
  'io.platxa.instance.status.applied.v1': z.strictObject({
    name: instanceName,
    revision,
    status,
  }),
  'io.platxa.instance.removed.v1': z.strictObject({
    name: instanceName,
    revision,
    uid: namespaceUid,
    databaseKept: z.boolean().describe('Whether the database is still there, frozen.'),
  }),
  'io.platxa.alert.firing.v1': alert,
  'io.platxa.alert.resolved.v1': alert,
  'io.platxa.idle.scan.requested.v1': z.strictObject({
    scope: z
      .union([z.literal('all'), z.array(instanceName).min(1).max(500)], {
        error: 'must be "all" or a list of instance names',
      })
      .describe('Which instances to look at.'),
    idleSeconds: count
      .optional()
      .describe('Instead of IDLE_TIMEOUT, to have named instances asleep sooner. A request in flight still vetoes.'),
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

const withName = z.object({ name: instanceName })

/** The instance an event speaks of, by its data or else its subject `instances/{name}`. */
export function instanceOf(event: {
  readonly data: unknown
  readonly subject?: string | undefined
}): string | undefined {
  const named = withName.safeParse(event.data)
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
