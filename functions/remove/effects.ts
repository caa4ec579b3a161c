import { setTimeout as sleep } from 'node:timers/promises'
import type { Namespace } from 'kubernetes-types/core/v1.js'
import { apply } from '#shared/cluster/apply.ts'
import { note } from '#shared/cluster/note.ts'
import { readDeployed, readKnown } from '#shared/cluster/read.ts'
import { namespaceRef } from '#shared/cluster/refs.ts'
import { closeAndScaleDown, podsGone } from '#shared/cluster/rest.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { done, refuse, reply, retry, type Answer } from '#shared/events/receive.ts'
import { databaseOf, fieldManager, labelKeys, namespaceOf } from '#shared/instance/names.ts'
import { tombstone as tombstoneObject, type Tombstone } from '#shared/instance/tombstone.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin, Session } from '#shared/postgres/connect.ts'
import { dropDatabase } from '#shared/postgres/drop.ts'
import { isKept, keepDatabase } from '#shared/postgres/keep.ts'
import { surveyTenant } from '#shared/postgres/survey.ts'
import type { Log } from '#shared/server/log.ts'
import type { Decision, Seen } from './decide.ts'
import type { RemovalRequested } from './event.ts'
import { sweepTombstones } from './sweep.ts'

export interface Deps {
  readonly kubernetes: Kubernetes
  readonly admin: Admin
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: Log
  /** Where the tombstones are. */
  readonly functionsNamespace: string
  /** How long one delivery waits for Odoo to end, and how long for the namespace to be gone. The broker comes again. */
  readonly endsWithinMs: number
  readonly goneWithinMs: number
}

interface Held extends Deps {
  /** Of the lock. */
  readonly session: Session
}

export async function observe(event: RemovalRequested, deps: Deps, signal: AbortSignal): Promise<Seen> {
  const { data: requested } = event
  return { requested, known: await readKnown(deps.kubernetes, requested.name, deps.functionsNamespace, signal) }
}

/** In an order in which nothing is ever lost or left by a crash: each step finds out whether it was done before. */
export async function act(
  decision: Decision,
  event: RemovalRequested,
  deps: Held,
  signal: AbortSignal,
): Promise<Answer> {
  const { name, uid } = event.data
  switch (decision.do) {
    case 'nothing':
      return done(decision.why)
    case 'refuse':
      return refuse(422, decision.why)
    case 'take down': {
      await bury(name, decision.tombstone, deps, signal)
      if (!(await bringToRest(event, decision.tombstone !== undefined, deps, signal))) {
        return retry('Odoo has not ended yet')
      }
      const databaseKept = await takeDatabase(event, deps, signal)
      await deps.kubernetes.delete(namespaceRef(name), { uid, signal })
      if (!(await isGone(name, uid, deps, signal))) return retry('the namespace is not gone yet')
      return removed(databaseKept, event, deps, signal)
    }
    case 'see it leave':
      await bury(name, decision.tombstone, deps, signal)
      if (!(await isGone(name, uid, deps, signal))) return retry('the namespace is not gone yet')
      return removed(await takeDatabase(event, deps, signal), event, deps, signal)
    case 'take the database':
      await bury(name, decision.tombstone, deps, signal)
      return removed(await takeDatabase(event, deps, signal), event, deps, signal)
    case 'take what is surely its own':
      return removed(await takeOwnDatabase(event, deps, signal), event, deps, signal)
  }
}

/** First of all: from here on nobody makes, changes or brings back what is being removed. */
async function bury(name: string, tombstone: Tombstone | undefined, deps: Deps, signal: AbortSignal): Promise<void> {
  if (tombstone === undefined) return
  const { kubernetes, now, functionsNamespace } = deps
  await apply(kubernetes, tombstoneObject(name, tombstone, now(), functionsNamespace), signal)
}

/** False when Odoo was still at work after a while. What was never finished has no Deployment, and nothing to wait for. */
async function bringToRest(
  { data }: RemovalRequested,
  isNew: boolean,
  deps: Deps,
  signal: AbortSignal,
): Promise<boolean> {
  const { kubernetes, now, endsWithinMs } = deps
  const { name, uid, revision, keepDatabase: keep } = data
  const instance = await readDeployed(kubernetes, name, signal)
  if (instance === undefined) return true
  // By this label the API server itself refuses a wake that comes late.
  const label = { metadata: { uid, labels: { [labelKeys.status]: 'disabled' } } }
  await kubernetes.patch(namespaceRef(name), label, { type: 'merge', fieldManager, signal })
  const why = 'Asleep: it is being removed'
  await closeAndScaleDown(kubernetes, instance, { status: 'disabled', why, now: now() }, signal)
  const text = `Revision ${revision} removes it, its database is ${keep ? 'kept' : 'dropped'}`
  if (isNew) await note(name, { reason: 'Removing', action: 'Remove', text }, { ...deps, as: 'remove' }, signal)
  return podsGone(kubernetes, name, endsWithinMs, signal)
}

/** Returns whether there is one that was kept. */
async function takeDatabase(event: RemovalRequested, { admin }: Deps, signal: AbortSignal): Promise<boolean> {
  const { uid, keepDatabase: keep } = event.data
  const role = databaseOf(event.data.name)
  const options = { admin, database: role, role, uid, signal }
  if (keep) return (await keepDatabase(options)) !== undefined
  await dropDatabase(options)
  return false
}

async function takeOwnDatabase(event: RemovalRequested, deps: Held, signal: AbortSignal): Promise<boolean> {
  const { session } = deps
  const { name, uid } = event.data
  const database = databaseOf(name)
  const { clone } = await surveyTenant(session, { database, role: database, template: database })
  if (clone?.origin?.uid === uid) return takeDatabase(event, deps, signal)
  return isKept(session, database, uid)
}

const LOOK_EVERY_MS = 200

async function isGone(name: string, uid: string, deps: Deps, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + deps.goneWithinMs
  for (;;) {
    const namespace = await deps.kubernetes.get<Namespace>(namespaceRef(name), { signal })
    if (namespace?.metadata?.uid !== uid) return true
    if (performance.now() > end) return false
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

async function removed(
  databaseKept: boolean,
  event: RemovalRequested,
  deps: Deps,
  signal: AbortSignal,
): Promise<Answer> {
  const { name, revision, uid } = event.data
  await sweepTombstones(deps, signal)
  const data = { name, revision, uid, databaseKept }
  const answer = makeEvent({ type: 'io.platxa.instance.removed.v1', source: deps.source, cause: event, data })
  return reply(answer, `${namespaceOf(name)} is gone, its database ${databaseKept ? 'kept' : 'dropped'}`)
}
