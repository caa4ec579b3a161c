// What the platform expects of PostgreSQL before the first event: its own role, and the template that instances are
// cloned from, by the stand-in's tables or by a real Odoo.
import { randomBytes } from 'node:crypto'
import type { Secret } from 'kubernetes-types/core/v1.js'
import { standInTables } from '#local/postgres/stand-in-tables.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { type Admin, connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import { preparePlatform } from '#shared/postgres/platform.ts'
import { createTemplate } from '#shared/postgres/template.ts'
import type { OdooVersion } from '#shared/instance/versions.ts'

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

/** The stand-in's few tables, unless there is one already. */
export function ensureStandInTemplate(admin: Admin, version: OdooVersion, signal: AbortSignal): Promise<boolean> {
  const template = `template_odoo_${version}`
  return createTemplate({ admin, template, build: standInTables, madeOf: 'the stand-in', signal })
}
