import { makeEvent } from '#shared/events/emit.ts'
import { done, refuse, reply, retry, type Answer } from '#shared/events/receive.ts'
import { apply, applyAll, applyTogether } from '#shared/cluster/apply.ts'
import { desiredOf } from '#shared/cluster/desired.ts'
import { note } from '#shared/cluster/note.ts'
import { readDeployed, readKnown } from '#shared/cluster/read.ts'
import { deploymentRef } from '#shared/cluster/refs.ts'
import { remember } from '#shared/cluster/remember.ts'
import { closeAndScaleDown, podsGone } from '#shared/cluster/rest.ts'
import { annotationKeys, databaseOf, fieldManager } from '#shared/instance/names.ts'
import type { KubernetesObject } from '#shared/instance/object.ts'
import { parametersOf } from '#shared/instance/parameters.ts'
import type { Platform } from '#shared/instance/platform.ts'
import { appliedAfter } from '#shared/instance/revision.ts'
import type { InstanceSpec } from '#shared/instance/spec.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import { resumeRole, suspendRole } from '#shared/postgres/suspend.ts'
import { writeTenantParameters } from '#shared/postgres/tenant-settings.ts'
import type { Log } from '#shared/server/log.ts'
import { whyAsleep, type Decision, type Locked, type Seen } from './decide.ts'
import type { StatusChanged } from './event.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  readonly admin: Admin
  readonly platform: Platform
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: Log
  /** How long the requests that Odoo is at may take to end before its sessions are. */
  readonly patienceMs: number
}

export async function observe(event: StatusChanged, deps: Deps, signal: AbortSignal): Promise<Seen> {
  const { data: changed } = event
  const known = await readKnown(deps.kubernetes, changed.name, deps.platform.functionsNamespace, signal)
  return { changed, known }
}

export async function act(decision: Decision, event: StatusChanged, deps: Deps, signal: AbortSignal): Promise<Answer> {
  switch (decision.do) {
    case 'nothing':
      return done(decision.why)
    case 'wait':
      return retry(decision.why)
    case 'refuse':
      return refuse(422, decision.why)
    case 'lock out':
    case 'let in':
      return carryOut(decision, event, deps, signal)
  }
}

/** What the status shall be is written down first, that it is so last: whoever comes again after a crash begins anew. */
async function carryOut(
  decision: Extract<Decision, { readonly spec: InstanceSpec }>,
  event: StatusChanged,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  const { spec, standing } = decision
  const { name, revision, status } = event.data
  const written = await remember(deps.kubernetes, standing, spec, standing.applied, signal)
  if (decision.do === 'lock out') await lockOut(spec, decision.status, event, deps, signal)
  else await letIn(spec, deps, signal)
  await remember(deps.kubernetes, written, spec, appliedAfter(standing.applied, revision), signal)
  if (status !== standing.spec.status) {
    const said = { reason: 'StatusChanged', action: 'ChangeStatus', text: `Revision ${revision} is applied: ${status}` }
    await note(name, said, { ...deps, as: 'change-status' }, signal)
  }
  const data = { name, revision, status }
  return reply(makeEvent({ type: 'io.platxa.instance.status.applied.v1', source: deps.source, cause: event, data }))
}

async function lockOut(
  spec: InstanceSpec,
  status: Locked,
  event: StatusChanged,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const { kubernetes, admin, platform, now } = deps
  const { name } = spec
  const close = async (): Promise<void> => {
    const instance = await readDeployed(kubernetes, name, signal)
    const why = whyAsleep(status, event.data.reason)
    if (instance) await closeAndScaleDown(kubernetes, instance, { status, why, now: now() }, signal)
  }
  await close()
  await podsGone(kubernetes, name, deps.patienceMs, signal)
  await suspendRole({ admin, role: databaseOf(name), signal })
  const { objects, today } = await desiredOf(kubernetes, spec, platform, signal)
  await applyAll(kubernetes, objects, today, signal)
  // A wake that was on its way while the label was being written.
  await close()
}

/** It stays asleep until somebody visits it: the Deployment, which opens the front door, comes last. */
async function letIn(spec: InstanceSpec, deps: Deps, signal: AbortSignal): Promise<void> {
  const { kubernetes, admin, platform } = deps
  const role = databaseOf(spec.name)
  await resumeRole({ admin, role, signal })
  const { objects, today, passwords } = await desiredOf(kubernetes, spec, platform, signal)
  // The public address may have changed while nobody could tell the tenant.
  const parameters = parametersOf(spec, platform)
  await writeTenantParameters({ admin, database: role, role, password: passwords.password, parameters, signal })
  const deployment = objects.find(({ kind }) => kind === 'Deployment')
  await applyTogether(
    kubernetes,
    objects.filter((object) => object !== deployment),
    today,
    signal,
  )
  const instance = await readDeployed(kubernetes, spec.name, signal)
  if (!deployment || instance?.status === 'active') return
  await open(deployment, spec.name, deps, signal)
}

async function open(
  deployment: KubernetesObject,
  name: string,
  { kubernetes }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { annotations: { [annotationKeys.why]: 'Asleep: active again, waits for a visitor' } } }
  await kubernetes.patch(deploymentRef(name), patch, { type: 'merge', fieldManager, signal })
  await apply(kubernetes, deployment, signal)
}
