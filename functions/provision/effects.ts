import type { Namespace } from 'kubernetes-types/core/v1.js'
import { makeEvent } from '#shared/events/emit.ts'
import { done, reply, retry, type Answer } from '#shared/events/receive.ts'
import { databaseOf, deploymentOf, fieldManager, labelKeys, namespaceOf } from '#shared/instance/names.ts'
import { deployment } from '#shared/instance/deployment.ts'
import { namespace as namespaceObject } from '#shared/instance/namespace.ts'
import { instanceObjects } from '#shared/instance/objects.ts'
import type { Platform } from '#shared/instance/platform.ts'
import { tenantAdminBinding } from '#shared/instance/role-bindings.ts'
import { readRevision, readSpec, urlOf, type InstanceSpec } from '#shared/instance/spec.ts'
import { KubernetesError } from '#shared/k8s/errors.ts'
import { recordEvent, type Note } from '#shared/k8s/event.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import { NotOurs, TemplateMissing } from '#shared/postgres/errors.ts'
import { surveyTenant } from '#shared/postgres/survey.ts'
import type { Log } from '#shared/server/log.ts'
import {
  apply,
  applyAll,
  explainFirstBoot,
  readNamespace,
  readOrMakeSecrets,
  readStorage,
  removeRetired,
} from './cluster.ts'
import { provideDatabase } from './database.ts'
import { templateWanted, type Decision, type Seen, type SeenNamespace } from './decide.ts'
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

export async function observe(event: InstanceRequested, deps: Deps, signal: AbortSignal): Promise<Seen> {
  const { data: requested } = event
  const database = databaseOf(requested.name)
  const [namespace, survey] = await Promise.all([
    readNamespace(deps.kubernetes, requested.name, signal),
    surveyTenant({ admin: deps.admin, database, role: database, template: templateWanted(requested), signal }),
  ])
  return { requested, namespace: namespace && seenNamespace(namespace), survey }
}

function seenNamespace(namespace: Namespace): SeenNamespace {
  return {
    uid: namespace.metadata?.uid ?? '',
    ours: namespace.metadata?.labels?.[labelKeys.managedBy] === fieldManager,
    leaving: namespace.metadata?.deletionTimestamp !== undefined,
    revision: readRevision(namespace),
    spec: readSpec(namespace),
  }
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
  const { kubernetes, admin, platform, steps, now } = deps
  // First who may act here, then what it may act on: the Secret is readable only through the binding.
  const namespace = await steps.time('namespace', () => apply(kubernetes, namespaceObject(spec), signal))
  await steps.time('rbac', () => apply(kubernetes, tenantAdminBinding(spec, platform), signal))
  const uid = namespace.metadata.uid ?? ''
  const secrets = await steps.time('secret', () => readOrMakeSecrets(kubernetes, spec.name, signal))
  const storage = seen.namespace ? await readStorage(kubernetes, spec.name, signal) : undefined

  const objects = instanceObjects(spec, platform, secrets, storage)
  // The first two are applied already; the pod waits for its database.
  const last = objects.findIndex(({ kind }) => kind === 'Deployment')
  await steps.time('objects', () => applyAll(kubernetes, objects.slice(2, last), signal))
  const made = await steps.time('database', () => provideDatabase(admin, platform, { spec, secrets, uid }, signal))
  await steps.time('deployment', async () => {
    const applied = await apply(kubernetes, deployment(spec, platform, secrets), signal)
    await explainFirstBoot(kubernetes, applied, now(), signal)
    await applyAll(kubernetes, objects.slice(last + 1), signal)
    await removeRetired(kubernetes, spec, platform, signal)
  })

  const { name, revision } = spec
  const url = urlOf(spec, platform)
  if (made || seen.namespace?.revision !== revision) {
    const how = made ? `database cloned from ${spec.template}` : 'database kept'
    await note(
      name,
      'Provisioned',
      `Revision ${revision} is applied: tier ${spec.tier}, ${how}, at ${url}`,
      deps,
      signal,
    )
  }
  const data = { name, revision, namespace: namespaceOf(name), uid, url }
  return reply(makeEvent({ type: 'io.platxa.instance.provisioned.v1', source: deps.source, cause: event, data }))
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
  { namespace }: Seen,
  event: InstanceRequested,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  const { name, revision } = event.data
  if (namespace?.ours) await note(name, 'ProvisionFailed', `Revision ${revision}: ${reason}`, deps, signal)
  const data = { name, revision, reason, step }
  const answer = makeEvent({ type: 'io.platxa.instance.provision.failed.v1', source: deps.source, cause: event, data })
  return reply(answer, `${step}: ${reason}`)
}

/** Only words: the instance is what it is whether or not they can be written. */
async function note(
  name: string,
  reason: 'Provisioned' | 'ProvisionFailed',
  text: string,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const said: Note = {
    regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) },
    reason,
    note: text,
    action: 'Provision',
    type: reason === 'Provisioned' ? 'Normal' : 'Warning',
    reportingController: 'platxa.io/provision',
    reportingInstance: 'provision',
    at: deps.now(),
  }
  try {
    await recordEvent(deps.kubernetes, said, signal)
  } catch (error) {
    deps.log.warn({ instance: name, error: String(error) }, 'could not write the Kubernetes Event')
  }
}
