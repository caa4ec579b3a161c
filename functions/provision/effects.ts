import type { Deployment } from 'kubernetes-types/apps/v1.js'
import { apply, applyAll, applyTogether } from '#shared/cluster/apply.ts'
import { note, type Said } from '#shared/cluster/note.ts'
import { readKnown, readStorage } from '#shared/cluster/read.ts'
import { remember } from '#shared/cluster/remember.ts'
import { closeAndScaleDown } from '#shared/cluster/rest.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { done, reply, retry, type Answer } from '#shared/events/receive.ts'
import { deployment } from '#shared/instance/deployment.ts'
import { databaseOf, namespaceOf } from '#shared/instance/names.ts'
import type { KubernetesObject } from '#shared/instance/object.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import type { Platform } from '#shared/instance/platform.ts'
import { readInstance } from '#shared/instance/read.ts'
import { appliedAfter } from '#shared/instance/revision.ts'
import { tenantAdminBinding } from '#shared/instance/role-bindings.ts'
import { urlOf, type InstanceSpec } from '#shared/instance/spec.ts'
import { claimsAsToday } from '#shared/instance/volume-claims.ts'
import { KubernetesError } from '#shared/k8s/errors.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin, Session } from '#shared/postgres/connect.ts'
import { NotOurs, TemplateMissing } from '#shared/postgres/errors.ts'
import { suspendRole } from '#shared/postgres/suspend.ts'
import { surveyTenant } from '#shared/postgres/survey.ts'
import type { Log } from '#shared/server/log.ts'
import { explainFirstBoot, readOrMakeSecrets, removeRetired } from './cluster.ts'
import { provideDatabase } from './database.ts'
import { templateWanted, type Decision, type Seen } from './decide.ts'
import type { InstanceRequested } from './event.ts'
import type { Steps } from './steps.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  readonly admin: Admin
  readonly platform: Platform
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: Log
  readonly steps: Steps
}

export async function observe(
  event: InstanceRequested,
  deps: Deps,
  session: Session,
  signal: AbortSignal,
): Promise<Seen> {
  const { data: requested } = event
  const { kubernetes, platform } = deps
  const database = databaseOf(requested.name)
  const [known, survey] = await Promise.all([
    readKnown(kubernetes, requested.name, platform.functionsNamespace, signal),
    surveyTenant(session, { database, role: database, template: templateWanted(requested) }),
  ])
  return { requested, known, survey }
}

export async function act(
  decision: Decision,
  seen: Seen,
  event: InstanceRequested,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  switch (decision.do) {
    case 'nothing':
      return done(decision.why)
    case 'wait':
      return retry(decision.why)
    case 'refuse':
      return failed(decision.step, decision.reason, seen, event, deps, signal)
    case 'provision':
      try {
        return await provision(decision.spec, seen, event, deps, signal)
      } catch (error) {
        const step = refusedStep(error)
        if (step === undefined || !(error instanceof Error)) throw error
        return failed(step, error.message, seen, event, deps, signal)
      }
  }
}

async function provision(
  spec: InstanceSpec,
  seen: Seen,
  event: InstanceRequested,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  const { kubernetes, admin, platform, steps } = deps
  const { namespace: before } = seen.known
  const { name } = spec
  // What it shall be is written down first, and last that it is so. Then who may act here, then what it may act on: the
  // Secret is readable only through the binding.
  const applied = before?.applied ?? 'nothing'
  const namespace = await steps.time('namespace', () => remember(kubernetes, before, spec, applied, signal))
  await steps.time('rbac', () => apply(kubernetes, tenantAdminBinding(spec, platform), signal))
  const { uid } = namespace
  const secrets = await steps.time('secret', () => readOrMakeSecrets(kubernetes, name, signal))
  const storage = before ? await readStorage(kubernetes, name, signal) : {}
  const today = claimsAsToday(spec, platform, storage)

  const objects = instanceObjects(spec, platform, secrets, storage)
  // The first two are applied already; the pod waits for its database.
  const last = objects.findIndex(({ kind }) => kind === 'Deployment')
  await steps.time('objects', () => applyTogether(kubernetes, objects.slice(2, last), today, signal))
  const made = await steps.time('database', () => provideDatabase(admin, platform, { spec, secrets, uid }, signal))
  await steps.time('deployment', async () => {
    await start(deployment(spec, platform, secrets), spec, deps, signal)
    await applyAll(kubernetes, objects.slice(last + 1), today, signal)
    await removeRetired(kubernetes, spec, platform, signal)
  })
  const { revision } = event.data
  await remember(kubernetes, namespace, spec, appliedAfter(before?.applied, revision), signal)

  const url = urlOf(spec, platform)
  if (made || (before?.applied ?? -1) < revision) {
    const how = made ? `database cloned from ${spec.template}` : 'database kept'
    const text = `Revision ${revision} is applied: tier ${spec.tier}, ${how}, at ${url}`
    await tell(name, { reason: 'Provisioned', text }, deps, signal)
  }
  const data = { name, revision, namespace: namespaceOf(name), uid, url }
  return reply(makeEvent({ type: 'io.platxa.instance.provisioned.v1', source: deps.source, cause: event, data }))
}

/** A new Deployment starts with one replica: the first boot, unless nobody may use it. */
async function start(
  wanted: Deployment & KubernetesObject,
  spec: InstanceSpec,
  { kubernetes, admin, now }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const { name, status } = spec
  if (status !== 'active') await suspendRole({ admin, role: databaseOf(name), signal })
  const applied = await apply(kubernetes, wanted, signal)
  const instance = readInstance(applied)
  if (status === 'active') await explainFirstBoot(kubernetes, applied, now(), signal)
  else if (instance) {
    await closeAndScaleDown(kubernetes, instance, { status, why: `Asleep: ${status}`, now: now() }, signal)
  }
}

/** Which step can never succeed, however often it is tried; undefined for all that may. */
function refusedStep(error: unknown): string | undefined {
  if (error instanceof TemplateMissing) return 'template'
  if (error instanceof NotOurs) return 'database'
  // The API server understood and finds it wrong. What is merely forbidden is a fault of the installation, to be mended.
  if (error instanceof KubernetesError && error.status === 422) return 'objects'
  return undefined
}

async function failed(
  step: string,
  reason: string,
  { known: { namespace } }: Seen,
  event: InstanceRequested,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  const { name, revision } = event.data
  const text = `Revision ${revision}: ${reason}`
  if (namespace?.ours) await tell(name, { reason: 'ProvisionFailed', text, type: 'Warning' }, deps, signal)
  const data = { name, revision, reason, step }
  const answer = makeEvent({ type: 'io.platxa.instance.provision.failed.v1', source: deps.source, cause: event, data })
  return reply(answer, `${step}: ${reason}`)
}

function tell(name: string, said: Omit<Said, 'action'>, deps: Deps, signal: AbortSignal): Promise<void> {
  return note(name, { ...said, action: 'Provision' }, { ...deps, as: 'provision' }, signal)
}
