// Who is examined: the cluster of a kubeconfig, and the PostgreSQL that its functions use.
import type { Secret } from 'kubernetes-types/core/v1.js'
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { isForbidden } from '#shared/k8s/errors.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { connectAdmin } from '#shared/postgres/admin.ts'
import { type Admin, connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import type { Patient } from './finding.ts'

export interface PatientOptions {
  readonly kubernetes: Kubernetes
  /** Instead of what the settings and the Secret of the functions say. */
  readonly postgresUrl: string | undefined
  readonly now: () => Temporal.Instant
  readonly signal: AbortSignal
}

export async function patientOf({ kubernetes, postgresUrl, now, signal }: PatientOptions): Promise<Patient> {
  const settings = await settingsOf(kubernetes, signal)
  const postgres = postgresUrl === undefined ? await postgresOf(kubernetes, settings, signal) : fromUrl(postgresUrl)
  // Knative names its Deployments otherwise: only the local world has one of a function's own name.
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'platxa', name: 'dead-letter' }
  const isLocalWorld = (await kubernetes.get(ref, { signal })) !== undefined
  return {
    kubernetes,
    settings,
    isLocalWorld,
    now,
    signal,
    postgres: typeof postgres === 'string' ? undefined : postgres,
    postgresFault: typeof postgres === 'string' ? postgres : undefined,
  }
}

async function settingsOf(kubernetes: Kubernetes, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'platxa', name: 'platxa-functions' }
  return (await kubernetes.get<{ data?: Record<string, string> }>(ref, { signal }))?.data ?? {}
}

/** The connection, or in words why there is none. */
async function postgresOf(
  kubernetes: Kubernetes,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Admin | string> {
  const parsed = platformVariables.safeParse(settings)
  if (!parsed.success) return 'the settings do not say where it is'
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace: 'platxa', name: 'platxa-postgres' }
  try {
    const { data = {} } = (await kubernetes.get<Secret>(ref, { signal })) ?? {}
    const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString()
    const [PGUSER, PGPASSWORD] = [text('PGUSER'), text('PGPASSWORD')]
    if (PGUSER === '') return 'there is no Secret platxa/platxa-postgres with PGUSER and PGPASSWORD'
    return connectAdmin(platformFrom(parsed.data).postgres, { PGUSER, PGPASSWORD })
  } catch (error) {
    if (isForbidden(error)) return 'you may not read Secret platxa/platxa-postgres'
    throw error
  }
}

function fromUrl(url: string): Admin {
  const sslmode = new URL(url).searchParams.get('sslmode') === 'require' ? 'require' : 'prefer'
  return connectPostgres({ ...settingsFromUrl(url), sslmode })
}
