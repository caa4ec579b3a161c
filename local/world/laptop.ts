// What is different on a laptop, said once: values of the two ConfigMaps, how often the scanner is asked, and that a pod
// starts anew when its settings changed. Everything else is exactly what a cluster gets. Pure.
import { createHash } from 'node:crypto'
import type { KubernetesObject } from './manifests.ts'

export interface Laptop {
  /** As in `--idle-timeout`. */
  readonly idleTimeout: string
  readonly idleTimeoutMs: number
  readonly postgres: { readonly host: string; readonly port: number }
  readonly brokerUrl: string
  readonly baseDomain: string
  /** Port of the front door. */
  readonly port: number
  /** Whether a PgBouncer runs beside each Odoo, as in a cluster. */
  readonly pooler: boolean
}

/** An instance may sleep so soon after a wake, but never sooner than it could for being idle. */
const MINIMUM_AWAKE_MS = 10_000

export function settingsOf(laptop: Laptop): Record<string, string> {
  return {
    IDLE_TIMEOUT: laptop.idleTimeout,
    MINIMUM_AWAKE: `${Math.min(MINIMUM_AWAKE_MS, laptop.idleTimeoutMs)}ms`,
    BASE_DOMAIN: laptop.baseDomain,
    PUBLIC_URL: `http://{host}:${laptop.port}`,
    INGRESS_TLS: 'off',
    STORAGE_CLASS: '',
    // Without one beside it, the role may connect to the database `postgres` instead.
    POOLER: laptop.pooler ? 'on' : 'off',
    PGHOST: laptop.postgres.host,
    PGPORT: String(laptop.postgres.port),
    PGSSLMODE: 'disable',
    POSTGRES_CIDRS: `${laptop.postgres.host}/32`,
    BROKER_URL: laptop.brokerUrl,
    // No load balancer gives up before, and a laptop that is busy starts a real Odoo slowly.
    HOLD_TIMEOUT: '3m',
    // The front door takes the address of a stopped replica out at once, so Ctrl-C need not wait for proxies.
    DRAIN_DELAY: '300ms',
  }
}

export function forLaptop(objects: readonly KubernetesObject[], laptop: Laptop): readonly KubernetesObject[] {
  const settings = settingsOf(laptop)
  const changed = objects.map((object) => withSettings(object, settings)).map((object) => withSchedule(object, laptop))
  const hash = createHash('sha256')
    .update(JSON.stringify(changed.filter(({ kind }) => kind === 'ConfigMap')))
    .digest('hex')
    .slice(0, 16)
  return changed.map((object) => withConfigHash(object, hash))
}

/** Only keys that the manifest has already: a knob nobody reads would be a silent mistake. */
function withSettings(object: KubernetesObject, settings: Readonly<Record<string, string>>): KubernetesObject {
  if (object.kind !== 'ConfigMap') return object
  const data = record(object['data'])
  const own = Object.entries(settings).filter(([name]) => name in data)
  return { ...object, data: { ...data, ...Object.fromEntries(own) } }
}

/** With minutes between looks, an instance that may sleep after two of them would sleep after three. */
function withSchedule(object: KubernetesObject, { idleTimeoutMs }: Laptop): KubernetesObject {
  if (object.kind !== 'PingSource') return object
  const seconds = Math.max(1, Math.floor(idleTimeoutMs / 8000))
  if (seconds >= 60) return object
  return { ...object, spec: { ...record(object['spec']), schedule: `*/${Math.min(seconds, 30)} * * * * *` } }
}

function withConfigHash(object: KubernetesObject, hash: string): KubernetesObject {
  const spec = record(object['spec'])
  if (!('template' in spec)) return object
  const template = record(spec['template'])
  const metadata = record(template['metadata'])
  const annotations = { ...record(metadata['annotations']), 'platxa.io/config-hash': hash }
  return { ...object, spec: { ...spec, template: { ...template, metadata: { ...metadata, annotations } } } }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
