// How the other functions speak to the wake replicas: all of them, or it does not count.
import type { Pod } from 'kubernetes-types/core/v1.js'
import type { z } from 'zod'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { ask } from '#shared/server/ask.ts'
import { activity, fenceReport, tabsAsked, type Activity, type FenceReport } from '#shared/wake/contract.ts'

export interface Replica {
  readonly name: string
  /** Origin of the control port, such as `http://10.1.2.3:8081`. */
  readonly control: string
}

export interface ReplicaSettings {
  readonly namespace: string
  readonly port: number
  /** How long one replica may take to answer before it counts as not answering. */
  readonly controlTimeoutMs: number
}

export class ReplicaSilent extends Error {
  override readonly name = 'ReplicaSilent'
  readonly replica: string

  constructor(replica: string, detail: string, cause?: unknown) {
    super(`wake replica ${replica} did not answer: ${detail}`, { cause })
    this.replica = replica
  }
}

/**
 * Every replica that may hold or forward a request now. One that terminates still does until its drain is over; one
 * without an address never did.
 */
export async function wakeReplicas(
  kubernetes: Kubernetes,
  settings: ReplicaSettings,
  signal: AbortSignal,
): Promise<readonly Replica[]> {
  const replicas: Replica[] = []
  const pods = kubernetes.list<Pod>(
    { apiVersion: 'v1', kind: 'Pod', namespace: settings.namespace },
    { labelSelector: 'app.kubernetes.io/name=wake', signal },
  )
  for await (const pod of pods) {
    const { podIP, phase } = pod.status ?? {}
    if (podIP === undefined || phase === 'Succeeded' || phase === 'Failed') continue
    replicas.push({ name: pod.metadata?.name ?? podIP, control: `http://${bracketed(podIP)}:${settings.port}` })
  }
  return replicas
}

export function askActivity(replica: Replica, settings: ReplicaSettings, signal: AbortSignal): Promise<Activity> {
  return call(replica, settings, signal, { method: 'GET', path: '/activity', answer: activity })
}

/** Lets the open tabs of an instance tell of their humans; how many will. */
export async function askTabs(
  replica: Replica,
  instance: string,
  settings: ReplicaSettings,
  signal: AbortSignal,
): Promise<number> {
  const path = `/instances/${instance}/tabs`
  return (await call(replica, settings, signal, { method: 'POST', path, answer: tabsAsked })).asked
}

/** The replica holds new requests for the instance from now on, until lifted or for `ttlMs`. */
export function raiseFence(
  replica: Replica,
  instance: string,
  ttlMs: number,
  settings: ReplicaSettings,
  signal: AbortSignal,
): Promise<FenceReport> {
  return call(replica, settings, signal, {
    method: 'POST',
    path: `/instances/${instance}/fence`,
    body: { ttlMs },
    answer: fenceReport,
  })
}

/** A fence that is already gone is no fault. One that cannot be lifted expires by itself. */
export async function liftFence(
  replica: Replica,
  instance: string,
  fence: string,
  settings: ReplicaSettings,
  signal: AbortSignal,
): Promise<void> {
  await call(replica, settings, signal, { method: 'DELETE', path: `/instances/${instance}/fence/${fence}` })
}

interface ControlCall<T> {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly answer?: z.ZodType<T>
}

async function call<T>(
  replica: Replica,
  settings: ReplicaSettings,
  signal: AbortSignal,
  what: ControlCall<T>,
): Promise<T> {
  const { method, path, body, answer } = what
  const limited = AbortSignal.any([signal, AbortSignal.timeout(settings.controlTimeoutMs)])
  try {
    const { status, text } = await ask(`${replica.control}${path}`, {
      method,
      signal: limited,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    if (status >= 300) throw new ReplicaSilent(replica.name, `${method} ${path} gave ${status} ${text.slice(0, 200)}`)
    return answer === undefined ? (undefined as T) : answer.parse(JSON.parse(text))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ReplicaSilent) throw error
    throw new ReplicaSilent(replica.name, error instanceof Error ? error.message : String(error), error)
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
