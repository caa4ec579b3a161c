// The functions that change an instance, each as it runs in a cluster: its own service account with the rights of
// manifests/base, the platform's own role in PostgreSQL. Events go in, and afterwards a test looks at both worlds.
import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { route as changeStatus } from '#functions/change-status/route.ts'
import { runningPod } from '#functions/change-tier/resize.ts'
import { route as changeTier } from '#functions/change-tier/route.ts'
import { route as provision } from '#functions/provision/route.ts'
import { route as remove } from '#functions/remove/route.ts'
import { decisionCounter } from '#functions/sleep/metrics.ts'
import { lookAtTenant } from '#functions/sleep/tenant.ts'
import { route as sleep } from '#functions/sleep/route.ts'
import { createSteps } from '#functions/provision/steps.ts'
import { deploymentRef, namespaceRef } from '#shared/cluster/refs.ts'
import { encodeEvent, makeEvent, type Outgoing } from '#shared/events/emit.ts'
import type { EventData } from '#shared/events/catalogue.ts'
import { databaseOf, namespaceOf, tombstoneOf } from '#shared/instance/names.ts'
import type { Platform } from '#shared/instance/platform.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import type { ReplicaSettings } from '#shared/wake/replicas.ts'
import type { Hono } from 'hono'
import { Registry } from 'prom-client'
import { expect } from 'vitest'
import { objectsOf, platformFor, wholeOf, within, type Answered, type Seen } from '#test/functions/provision/world.ts'
import { rows } from '#test/shared/postgres/tenant.ts'
import { asServiceAccount, cluster } from './cluster.ts'
import { silentLog, type PostgresWorld } from './postgres.ts'

export interface LifeOptions {
  /** The wake replicas that sleep asks; nobody unless told. */
  readonly replicas?: ReplicaSettings
  /** How long one delivery of a removal waits for pods and namespace: longer than any machine takes, unless told. */
  readonly removalWaitsMs?: number
  /** How long a kubelet may take to say what became of a resize. Where there is none, that is the time it takes. */
  readonly resizeWithinMs?: number
}

export interface Hands {
  readonly kubernetes: Kubernetes
  readonly admin: Admin
}

interface Deps extends Hands, Required<LifeOptions> {
  readonly platform: Platform
  readonly now: () => Temporal.Instant
  readonly source: string
  readonly log: typeof silentLog
}

const routes: Readonly<Record<string, (deps: Deps) => Hono>> = {
  provision: (deps) => provision({ ...deps, steps: createSteps(new Registry()) }),
  remove: (deps) =>
    remove({
      ...deps,
      functionsNamespace: 'platxa',
      endsWithinMs: deps.removalWaitsMs,
      goneWithinMs: deps.removalWaitsMs,
    }),
  sleep: (deps) =>
    sleep({
      ...deps,
      idleTimeoutMs: 900_000,
      minimumAwakeMs: 0,
      fenceTtlMs: 20_000,
      tabsAnswerMs: 0,
      look: (instance, signal) =>
        lookAtTenant(
          instance,
          {
            ...deps,
            server: deps.platform.postgres,
            cronPolicy: 'never',
            cronLimits: { soonMs: 0, patienceMs: 0 },
            tenantTimeoutMs: 8_000,
          },
          signal,
        ),
      count: decisionCounter(new Registry()),
    }),
  'change-tier': (deps) => changeTier(deps),
  'change-status': (deps) => changeStatus({ ...deps, patienceMs: 5_000 }),
}
export type FunctionName = keyof typeof routes

const takenBy: Readonly<Record<string, FunctionName>> = {
  'io.platxa.instance.requested.v1': 'provision',
  'io.platxa.instance.status.changed.v1': 'change-status',
  'io.platxa.instance.tier.changed.v1': 'change-tier',
  'io.platxa.instance.removal.requested.v1': 'remove',
  'io.platxa.instance.idle.detected.v1': 'sleep',
  'io.platxa.instance.slept.v1': 'change-tier',
  'io.platxa.instance.status.applied.v1': 'change-tier',
}

export interface Life {
  readonly postgres: PostgresWorld
  /** What a function works with. Never another's: each has its own service account. */
  readonly hands: (name: FunctionName) => Promise<Hands>
  /** To the function that takes events of this type; with other hands than its own when told. */
  readonly deliver: (event: Outgoing, hands?: Hands) => Promise<Answered>
}

const NOBODY: ReplicaSettings = { namespace: 'traefik-system', port: 1, controlTimeoutMs: 1_000 }

/** For one test: the service accounts' connections are closed with it. */
export function life(
  postgres: PostgresWorld,
  { replicas = NOBODY, removalWaitsMs = 240_000, resizeWithinMs = 30_000 }: LifeOptions = {},
): Life {
  const all = new Map<FunctionName, Promise<Hands>>()
  const hands = (name: FunctionName): Promise<Hands> => {
    const made = all.get(name) ?? handsOf(name, postgres)
    all.set(name, made)
    return made
  }
  const platform = platformFor(postgres)
  return {
    postgres,
    hands,
    async deliver(event, given) {
      const name = takenBy[event.type]
      const route = name === undefined ? undefined : routes[name]
      if (name === undefined || route === undefined) throw new Error(`nobody takes ${event.type}`)
      const app = route({
        ...(given ?? (await hands(name))),
        platform,
        replicas,
        removalWaitsMs,
        resizeWithinMs,
        now: () => Temporal.Now.instant(),
        source: `//functions.platxa.io/${name}`,
        log: silentLog,
      })
      return answered(app, event)
    },
  }
}

async function handsOf(name: FunctionName, { admin }: PostgresWorld): Promise<Hands> {
  // Wherever the replicas are that this test has for itself, sleep's own role is not.
  return { kubernetes: name === 'sleep' ? await cluster() : await asServiceAccount('platxa', name), admin }
}

async function answered(app: Hono, event: Outgoing): Promise<Answered> {
  const { headers, body } = encodeEvent(event)
  const answer = await app.request('/', { method: 'POST', headers, body: body ?? null })
  const text = await answer.text()
  return {
    status: answer.status,
    type: answer.headers.get('ce-type'),
    id: answer.headers.get('ce-id'),
    data: text === '' ? undefined : JSON.parse(text),
  }
}

type Changed<T> = Omit<T, 'name'>

export function statusChanged(name: string, data: Changed<EventData<'io.platxa.instance.status.changed.v1'>>) {
  const id = `status-${name}-${data.revision}`
  return makeEvent({ ...made(id), type: 'io.platxa.instance.status.changed.v1', data: { name, ...data } })
}

export function tierChanged(name: string, data: Changed<EventData<'io.platxa.instance.tier.changed.v1'>>) {
  const id = `tier-${name}-${data.revision}`
  return makeEvent({ ...made(id), type: 'io.platxa.instance.tier.changed.v1', data: { name, ...data } })
}

export function removal(
  name: string,
  data: Partial<Changed<EventData<'io.platxa.instance.removal.requested.v1'>>> & { readonly uid: string },
) {
  const whole = { name, revision: 9, keepDatabase: false, ...data }
  const id = `removal-${name}-${whole.revision}`
  return makeEvent({ ...made(id), type: 'io.platxa.instance.removal.requested.v1', data: whole })
}

export function slept(name: string, when = 'once') {
  const data = { name, awakeSeconds: 60, why: 'nobody used it' }
  return makeEvent({ ...made(`slept-${name}-${when}`), type: 'io.platxa.instance.slept.v1', data })
}

/** Idle for as long as the wake replicas of the crash test say. */
export function idleDetected(name: string, when: number, deployment: Seen | undefined) {
  const data = {
    name,
    lastActivityAt: '2026-11-23T12:00:00Z',
    idleSeconds: 1000,
    deploymentUid: deployment?.metadata.uid ?? 'none',
    evidence: { replicas: 1, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 3600 },
  }
  return makeEvent({ ...made(`idle-${name}-${when}`), type: 'io.platxa.instance.idle.detected.v1', data })
}

export function statusApplied(name: string, revision: number) {
  const data = { name, revision, status: 'suspended' as const }
  return makeEvent({ ...made(`applied-${name}`), type: 'io.platxa.instance.status.applied.v1', data })
}

function made(id: string) {
  return { source: '//instance-manager', id }
}

/** Everything there is of an instance, so that two of them can be compared; what differs in every one is left out. */
export async function everythingOf(name: string, postgres: PostgresWorld): Promise<unknown> {
  const found = await rows<{ what: string }>(
    postgres.root,
    `SELECT 'role' AS what FROM pg_roles WHERE rolname = $1 UNION ALL SELECT 'database' FROM pg_database WHERE datname = $1`,
    [databaseOf(name)],
  )
  const exists = found.map(({ what }) => what).sort()
  const grave = await tombstoneFor(name)
  const whole = exists.length === 2 ? await wholeOf(name, postgres) : await objectsOf(name)
  const replicas = (await deploymentOf(name))?.spec?.replicas
  return { exists, whole, replicas, removedBy: grave?.data?.['revision'] }
}

export async function scale(name: string, replicas: number): Promise<void> {
  await (await cluster()).scale(deploymentRef(name), replicas, { signal: within() })
}

/** Of the namespace. */
export async function uidOf(name: string): Promise<string> {
  const namespace = await (await cluster()).get<Seen>(namespaceRef(name), { signal: within() })
  return namespace?.metadata.uid ?? 'none'
}

export async function tombstoneFor(name: string): Promise<ConfigMap | undefined> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'platxa', name: tombstoneOf(name) }
  return (await cluster()).get<ConfigMap>(ref, { signal: within() })
}

export async function deploymentOf(name: string): Promise<Seen | undefined> {
  return (await cluster()).get<Seen>(deploymentRef(name), { signal: within() })
}

/**
 * A new pod with less memory than its tier has, as an older price list made it, and a kubelet has started it: it can be
 * resized in place.
 */
export async function runSmaller(name: string, memory: string): Promise<void> {
  const kubernetes = await cluster()
  const resources = { requests: { cpu: '250m', memory }, limits: { cpu: '1', memory } }
  const patch = { spec: { template: { spec: { containers: [{ name: 'odoo', resources }] } } } }
  await kubernetes.patch(deploymentRef(name), patch, { type: 'strategic', signal: within() })
  const podRef = (pod: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(name), name: pod })
  const old = (await runningPod(kubernetes, name, within()))?.metadata?.name
  if (old !== undefined) await kubernetes.delete(podRef(old), { gracePeriodSeconds: 0, signal: within() })
  const find = async () => {
    const { metadata, spec } = (await runningPod(kubernetes, name, within())) ?? {}
    const isNew = metadata?.name !== old && spec?.containers[0]?.resources?.limits?.['memory'] === memory
    return isNew ? metadata?.name : undefined
  }
  await expect.poll(find, { timeout: 60_000 }).toBeDefined()
  const odoo = { name: 'odoo', ready: true, restartCount: 0, image: 'odoo', imageID: 'x', state: { running: {} } }
  const status = { phase: 'Running', containerStatuses: [{ ...odoo, resources }] }
  const ref = podRef((await find()) ?? '')
  await kubernetes.patch(ref, { status }, { type: 'merge', subresource: 'status', signal: within() })
}
