// What the platform expects of PostgreSQL before the first event: its own role, and the template that instances are
// cloned from, by the stand-in's tables or by a real Odoo.
import { randomBytes } from 'node:crypto'
import type { Secret } from 'kubernetes-types/core/v1.js'
import { standInTables } from '#local/postgres/stand-in-tables.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { type Admin, connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import { preparePlatform } from '#shared/postgres/platform.ts'
import { createTemplate, type BuildAccess } from '#shared/postgres/template.ts'
import { buildByOdoo, type RealOdoo } from './odoo-template.ts'

const ROLE = 'platxa'
const secretRef = { apiVersion: 'v1', kind: 'Secret', namespace: 'platxa', name: 'platxa-postgres' } as const

export interface PlatformDatabase {
  readonly kubernetes: Kubernetes
  /** Superuser. */
  readonly adminUrl: string
  readonly signal: AbortSignal
}

/** The role exists and the Secret has its password, which stays the same over restarts. */
export async function ensurePlatformRole({ kubernetes, adminUrl, signal }: PlatformDatabase): Promise<Admin> {
  const root = connectPostgres(settingsFromUrl(adminUrl))
  const password = (await readPassword(kubernetes, signal)) ?? randomBytes(24).toString('base64url')
  await preparePlatform({ root, user: ROLE, password, signal })
  const { namespace, name, ...kind } = secretRef
  const secret: Secret = { ...kind, metadata: { namespace, name }, stringData: { PGUSER: ROLE, PGPASSWORD: password } }
  await kubernetes.apply(secret, { fieldManager: 'platxa-local', signal })
  return connectPostgres({ ...root.settings, user: ROLE, password })
}

async function readPassword(kubernetes: Kubernetes, signal: AbortSignal): Promise<string | undefined> {
  const found = await kubernetes.get<Secret>(secretRef, { signal })
  const encoded = found?.data?.['PGPASSWORD']
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString()
}

export interface TemplateOptions {
  /** Instead of the stand-in's few tables. */
  readonly odoo: RealOdoo | undefined
  readonly tell: (detail: string) => void
  readonly signal: AbortSignal
}

/** True when it had to be made. One that the other kind of Odoo made is left as it is: `--fresh` begins anew. */
export function ensureTemplate(admin: Admin, odooVersion: string, options: TemplateOptions): Promise<boolean> {
  const { odoo, signal } = options
  const template = `template_odoo_${odooVersion}`
  const build = (access: BuildAccess, limit: AbortSignal): Promise<void> =>
    odoo === undefined ? standInTables(access, limit) : buildByOdoo(odoo, access, { tell: options.tell, signal: limit })
  return createTemplate({ admin, template, build, signal })
}
