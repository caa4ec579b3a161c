// Whether our own processes do their work: as many addresses as replicas, and each accepts.
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import type { Address } from '#local/front-door.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

const POLL_MS = 150
const LIMIT_MS = 90_000
const DIAL_MS = 1000

export interface Expected {
  readonly name: string
  readonly namespace: string
  readonly replicas: number
  readonly addresses: () => readonly Address[]
}

export class NotReady extends Error {
  override readonly name = 'NotReady'
}

/** Throws NotReady, naming each that is not there and why as far as its pods say. */
export async function untilServing(
  expected: readonly Expected[],
  kubernetes: Kubernetes,
  { tell, signal }: { readonly tell: (detail: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + LIMIT_MS
  for (;;) {
    signal.throwIfAborted()
    const serving = await Promise.all(expected.map(isServing))
    const late = expected.filter((_, index) => serving[index] !== true)
    if (late.length === 0) return
    tell(late.map(({ name }) => name).join(', '))
    if (performance.now() > deadline) {
      const reasons = await Promise.all(late.map((one) => reasonOf(one, kubernetes, signal)))
      throw new NotReady(`not ready after ${LIMIT_MS / 1000} s:\n${reasons.map((text) => `  ${text}`).join('\n')}`)
    }
    await sleep(POLL_MS, undefined, { signal })
  }
}

export function expectedOf({ metadata, spec }: Deployment, addresses: () => readonly Address[]): Expected {
  return { name: metadata?.name ?? '', namespace: metadata?.namespace ?? '', replicas: spec?.replicas ?? 1, addresses }
}

async function isServing({ addresses, replicas }: Expected): Promise<boolean> {
  const now = addresses()
  if (now.length < replicas) return false
  return (await Promise.all(now.map(accepts))).every(Boolean)
}

function accepts({ host, port }: Address): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port })
    const end = (result: boolean) => (): void => {
      socket.destroy()
      done(result)
    }
    socket.setTimeout(DIAL_MS, end(false)).once('connect', end(true)).once('error', end(false))
  })
}

async function reasonOf({ name, namespace }: Expected, kubernetes: Kubernetes, signal: AbortSignal): Promise<string> {
  const reasons: string[] = []
  for await (const pod of kubernetes.list<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace }, { signal })) {
    if (pod.metadata?.name?.startsWith(`${name}-`) !== true) continue
    const { conditions = [], containerStatuses = [], message } = pod.status ?? {}
    const unplaced = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
    const states = containerStatuses.map(({ state, lastState, restartCount }) => {
      const ended = lastState?.terminated ?? state?.terminated
      const how = ended === undefined ? '' : `, last ended with exit code ${ended.exitCode} ${ended.message ?? ''}`
      return `${state?.waiting?.reason ?? 'running'} after ${restartCount} restarts${how}`
    })
    reasons.push([unplaced?.message, message, ...states].filter(Boolean).join('; '))
  }
  return `${namespace}/${name}: ${reasons.join(' | ') || 'it has no pod'}`
}
