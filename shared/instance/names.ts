// Every name, label and annotation of an instance. Pure; if it is not here, nobody may rely on it.
import type { Status, Tier } from '#shared/events/catalogue.ts'

/** Owner of every field we apply. */
export const fieldManager = 'platxa-functions'

export const namespacePrefix = 'instance-'

export const labelKeys = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  managedBy: 'app.kubernetes.io/managed-by',
  partOf: 'app.kubernetes.io/part-of',
  /** The layer of the platform, always `instance`. Not what the customer pays for: that is `resourceTier`. */
  layer: 'platxa.io/tier',
  resourceTier: 'platxa.io/resource-tier',
  /** What the owner may do. Asleep is not a status: it is an active instance with 0 replicas. */
  status: 'platxa.io/status',
  owner: 'platxa.io/owner',
  /** On tombstones: the month, such as `2026-11`, by which old ones are found. */
  removedIn: 'platxa.io/removed-in',
  /** On Deployment and pods: what the front door selects by (DEPLOYMENT_LABEL). */
  app: 'app',
} as const

export const annotationKeys = {
  /** Deployment: every host of the instance, separated by commas. The front door's routing table. */
  hosts: 'platxa.io/hosts',
  odooVersion: 'platxa.io/odoo-version',
  /** Deployment: the effective `workers` of odoo.conf, 0 means threaded. */
  workers: 'platxa.io/workers',
  /** Deployment: RFC 3339; nobody puts it to sleep before. */
  keepAwakeUntil: 'platxa.io/keep-awake-until',
  /** Deployment: `never`, `daily` or `exact`; whether it is woken for its scheduled jobs. Instead of CRON_POLICY. */
  crons: 'platxa.io/crons',
  /** Deployment: the only jobs it is woken for, by name, XML id or number, separated by commas. */
  cronJobs: 'platxa.io/cron-jobs',
  /** Deployment of a sleeper: RFC 3339, when a scheduled job is due that it shall be woken for; and which one. */
  wakeAt: 'platxa.io/wake-at',
  wakeFor: 'platxa.io/wake-for',
  /** Deployment: one sentence for people, why it is awake or asleep. */
  why: 'platxa.io/why',
  /** Deployment: the facts behind that sentence, as JSON: who woke it, and what kept it from sleeping last. */
  wokenBy: 'platxa.io/woken-by',
  lastVeto: 'platxa.io/last-veto',
  /** Deployment of one that is awake: RFC 3339, it sleeps no sooner. */
  sleepsAt: 'platxa.io/sleeps-at',
  /** Deployment: RFC 3339, the last wake or sleep. */
  since: 'platxa.io/since',
  /** Deployment: how long it had been awake when it fell asleep. */
  awakeSeconds: 'platxa.io/awake-seconds',
  /** Deployment: milliseconds of the last wakes, newest first: `2310 2204`. What a visitor is told to expect. */
  recentWakes: 'platxa.io/recent-wakes',
  /** Deployment: what sleeping saved, counted since it was made. A false wake is one after which nobody asked for anything. */
  wakes: 'platxa.io/wakes',
  sleeps: 'platxa.io/sleeps',
  falseWakes: 'platxa.io/false-wakes',
  awakeTotalSeconds: 'platxa.io/awake-total-seconds',
  /** Namespace: the InstanceSpec as JSON, written before anything follows it. No secret is in it. */
  spec: 'platxa.io/spec',
  /** Namespace: the newest revision of the Instance Manager that was carried out whole. */
  revision: 'platxa.io/revision',
  /** Pod template: changes with odoo.conf or the password, so that the pod restarts with them. */
  configHash: 'platxa.io/config-hash',
  /** Secret: counts up with every rotation. */
  secretVersion: 'platxa.io/secret-version',
} as const

/** Names of the objects whose name is the same in every instance namespace. */
export const objectNames = {
  wakingService: 'waking-service',
  ingress: 'odoo',
  customHostsIngress: 'odoo-custom-hosts',
  addons: 'odoo-addons',
  filestore: 'odoo-filestore',
  secret: 'odoo-secrets',
  config: 'odoo-config',
  denyAll: 'default-deny-all',
  networkPolicy: 'odoo-instance-policy',
  quota: 'instance-quota',
  limits: 'instance-limits',
} as const

/** ClusterRoles that are granted in one instance's namespace only, by a RoleBinding of the same name. */
export const roleNames = {
  scale: 'platxa-scale',
  observe: 'platxa-observe',
  tenantAdmin: 'platxa-tenant-admin',
} as const

/** Ports of the Odoo pod. The Service keeps both, whatever the tier. */
export const ports = { http: 8069, websocket: 8072 } as const

/** `instance-{name}`; the name is at most 54 characters, because a namespace has at most 63. */
export function namespaceOf(name: string): string {
  return `${namespacePrefix}${name}`
}

/** The instance a namespace belongs to, or undefined when it is not an instance's namespace. */
export function instanceOfNamespace(namespace: string): string | undefined {
  const name = namespace.slice(namespacePrefix.length)
  return namespace.startsWith(namespacePrefix) && name !== '' ? name : undefined
}

/** `odoo-{name}`: the Deployment and the Service. */
export function deploymentOf(name: string): string {
  return `odoo-${name}`
}

/**
 * Name of the database and of its role. Injective, because an instance name has no underscore, and below PostgreSQL's
 * 63 bytes, beyond which two tenants would silently share a name.
 */
export function databaseOf(name: string): string {
  return `odoo_${name.replaceAll('-', '_')}`
}

export function templateOf(odooVersion: string): string {
  return `template_odoo_${odooVersion}`
}

/** The ConfigMap that outlives a removed instance, in the namespace of the functions. */
export function tombstoneOf(name: string): string {
  return `removed-${name}`
}

/** What never changes while the instance lives, hence fit for a selector, which is immutable. */
export function selectorOf(name: string): Record<string, string> {
  return { [labelKeys.app]: 'odoo', [labelKeys.instance]: name }
}

export interface Labelled {
  readonly name: string
  readonly tier: Tier
  readonly status: Status
  readonly ownerId: string
}

/** On every object of an instance. */
export function labelsOf({ name, tier, status, ownerId }: Labelled): Record<string, string> {
  return {
    [labelKeys.name]: 'odoo',
    [labelKeys.instance]: name,
    [labelKeys.managedBy]: fieldManager,
    [labelKeys.partOf]: 'platxa',
    [labelKeys.layer]: 'instance',
    [labelKeys.resourceTier]: tier,
    [labelKeys.status]: status,
    [labelKeys.owner]: ownerId,
  }
}
