// What the instance itself is doing: its maintenance Jobs, and what goes on in its database, asked there as the tenant.
import type { Job } from 'kubernetes-types/batch/v1.js'
import type { Secret } from 'kubernetes-types/core/v1.js'
import { databaseOf, namespaceOf, objectNames } from '#shared/instance/names.ts'
import type { Instance } from '#shared/instance/read.ts'
import { readSecrets } from '#shared/instance/secret.ts'
import { odooVersion, series } from '#shared/instance/versions.ts'
import type { CronPolicy } from '#shared/instance/wishes.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { connectPostgres, type PostgresSettings, type Session } from '#shared/postgres/connect.ts'
import { cronJobs, type CronJob } from '#shared/postgres/crons.ts'
import { activeSessions } from '#shared/postgres/sessions.ts'
import { planCrons, type CronLimits } from './crons.ts'
import { awakeFor, type Tenant } from './decide.ts'

export interface TenantDeps {
  readonly kubernetes: Kubernetes
  readonly now: () => Temporal.Instant
  /** The server; the login is the instance's own. */
  readonly server: Omit<PostgresSettings, 'user' | 'password'>
  /** CRON_POLICY: for instances that do not say. */
  readonly cronPolicy: CronPolicy
  readonly cronLimits: CronLimits
  /** TENANT_TIMEOUT: how long one look may take before the answer is "do not know". */
  readonly tenantTimeoutMs: number
}

export async function lookAtTenant(instance: Instance, deps: TenantDeps, signal: AbortSignal): Promise<Tenant> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(deps.tenantTimeoutMs)])
  try {
    const [jobs, database] = await Promise.all([
      runningJobs(instance, deps.kubernetes, limited),
      askDatabase(instance, deps, limited),
    ])
    const { now, cronLimits: limits, cronPolicy } = deps
    const crons = planCrons({
      jobs: database.crons,
      policy: instance.crons ?? cronPolicy,
      allowed: instance.cronJobs,
      awakeMs: awakeFor(instance, now()),
      now: now(),
      limits,
    })
    return { jobs, sessions: database.sessions, crons }
  } catch (error) {
    signal.throwIfAborted()
    const late = limited.aborted ? `no answer within ${deps.tenantTimeoutMs} ms` : undefined
    return { unknown: (late ?? (error instanceof Error ? error.message : String(error))).slice(0, 300) }
  }
}

async function runningJobs({ namespace }: Instance, kubernetes: Kubernetes, signal: AbortSignal): Promise<string[]> {
  const running: string[] = []
  for await (const job of kubernetes.list<Job>({ apiVersion: 'batch/v1', kind: 'Job', namespace }, { signal })) {
    const isOver = job.status?.conditions?.some(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    )
    // A suspended Job has no pod; whoever resumes it wakes the instance first if it needs it.
    if (!isOver && job.spec?.suspend !== true) running.push(job.metadata?.name ?? '?')
  }
  return running
}

interface DatabaseSeen {
  readonly sessions: Awaited<ReturnType<typeof activeSessions>>
  readonly crons: readonly CronJob[]
}

async function askDatabase(instance: Instance, deps: TenantDeps, signal: AbortSignal): Promise<DatabaseSeen> {
  const database = databaseOf(instance.name)
  const password = await passwordOf(instance.name, deps.kubernetes, signal)
  const tenant = connectPostgres({ ...deps.server, user: database, password })
  return tenant.session({ database, signal, timeoutMs: deps.tenantTimeoutMs }, async (session) => ({
    sessions: await activeSessions(session, database),
    crons: (instance.crons ?? deps.cronPolicy) === 'never' ? [] : await readCrons(instance, session),
  }))
}

async function readCrons(instance: Instance, session: Session): Promise<readonly CronJob[]> {
  const version = odooVersion.safeParse(instance.odooVersion)
  if (!version.success) throw new Error(`nobody knows the tables of Odoo "${instance.odooVersion ?? ''}"`)
  return cronJobs(session, series[version.data].crons)
}

async function passwordOf(name: string, kubernetes: Kubernetes, signal: AbortSignal): Promise<string> {
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace: namespaceOf(name), name: objectNames.secret }
  const secret = await kubernetes.get<Secret>(ref, { signal })
  const password = secret && readSecrets(secret)?.password
  if (password === undefined) throw new Error(`the Secret ${objectNames.secret} has no password of its database`)
  return password
}
