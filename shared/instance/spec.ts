// What an instance should be: the one input, beside the platform's settings, of every object.
import { z } from 'zod'
import { catalogue, status, tier } from '#shared/events/catalogue.ts'
import { annotationKeys, templateOf } from './names.ts'
import type { Platform } from './platform.ts'
import { odooVersion } from './versions.ts'

const requested = catalogue['io.platxa.instance.requested.v1'].shape
const { revision } = requested

/**
 * `waiting` for the instance to sleep, or for the event that brought it to be carried out; `restarting`: its pod was
 * told to; `resized`: the running pod has it, only its Deployment has not, which waits for sleep.
 */
const pending = z.enum(['waiting', 'restarting', 'resized'])

/** Loose at the top, so that a spec written by a newer release can still be read by an older one. */
export const instanceSpec = z
  .object({
    name: requested.name,
    revision,
    ownerId: requested.ownerId,
    tier,
    status: status.default('active'),
    odooVersion,
    /** The first one is the public address; `{name}.{base domain}` always works as well. */
    hosts: requested.hosts,
    template: requested.template,
    adminLogin: requested.adminLogin.default('admin'),
    /** `direct` is for tiers that never sleep: the Ingress goes straight to Odoo. */
    route: z.enum(['waking', 'direct']).default('waking'),
    /** SMTP submission and mailbox ports: see `mayMail`. */
    egressMail: z.boolean().optional(),
    /** Which revision set each part last (revision.ts). `revision` is the newest of them. */
    revisions: z.object({ requested: revision, tier: revision, status: revision }).optional(),
    /** A tier that is wanted and not yet true everywhere. */
    pendingTier: z.object({ tier, revision, is: pending }).optional(),
    /** Which event ended the wait of a tier, `{source} {id}`: should it come again, it gets the same answer. */
    tierSettledBy: z.string().optional(),
  })
  .transform((spec) => ({
    ...spec,
    template: spec.template ?? templateOf(spec.odooVersion),
    revisions: spec.revisions ?? { requested: spec.revision, tier: spec.revision, status: 0 },
  }))
export type InstanceSpec = Readonly<z.output<typeof instanceSpec>>

/** Unless told, all tiers but free; staging copies say false. Asked late, because the tier may change. */
export function mayMail({ egressMail, tier }: InstanceSpec): boolean {
  return egressMail ?? tier !== 'free'
}

/** Made by provisioning, kept in the Secret alone. */
export interface InstanceSecrets {
  /** Of the tenant's role. */
  readonly password: string
  /** For the first login. */
  readonly adminPassword: string
  /** Counts up with every rotation of `password`, which is what restarts the pod; 1 unless told. */
  readonly version?: number
}

/** All hosts in the order of their rank, without doubles. */
export function hostsOf(spec: InstanceSpec, platform: Platform): readonly string[] {
  return [...new Set([...spec.hosts, `${spec.name}.${platform.baseDomain}`])]
}

/** Hosts that the platform's wildcard certificate does not cover (a wildcard covers one label only). */
export function customHostsOf(spec: InstanceSpec, platform: Platform): readonly string[] {
  return hostsOf(spec, platform).filter((host) => host.slice(host.indexOf('.') + 1) !== platform.baseDomain)
}

/** The address people are given, and `web.base.url` of the database. */
export function urlOf(spec: InstanceSpec, platform: Platform): string {
  return platform.publicUrl.replaceAll('{host}', hostsOf(spec, platform)[0] ?? '')
}

/** The spec as the namespace remembers it; the counterpart of `readSpec`. */
export function writeSpec(spec: InstanceSpec): string {
  return JSON.stringify(spec)
}

/** What a namespace remembers that its instance should be, or undefined when it bears none that can be understood. */
export function readSpec(namespace: {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
}): InstanceSpec | undefined {
  const text = namespace.metadata?.annotations?.[annotationKeys.spec]
  if (text === undefined) return undefined
  try {
    return instanceSpec.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** The newest revision that was carried out whole, or undefined while the instance is being made. */
export function readRevision(namespace: {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
}): number | undefined {
  const text = namespace.metadata?.annotations?.[annotationKeys.revision]
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
