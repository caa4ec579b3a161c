// The sleep function of a race.
import { randomBytes } from 'node:crypto'
import { encodeEvent, makeEvent } from '#shared/events/emit.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { ReplicaSettings } from '#shared/wake/replicas.ts'
import { tenantlessSleep } from '#test/world/tenantless-sleep.ts'
import type { Runner } from './race.ts'

export type FallAsleep = (runner: Runner) => Promise<'slept' | 'declined'>

/** Told of an idle instance as scan-idle tells it. */
export function raceSleep(kubernetes: Kubernetes, replicas: ReplicaSettings, idleTimeoutMs: number): FallAsleep {
  const app = tenantlessSleep({ kubernetes, replicas, idleTimeoutMs, fenceTtlMs: 10_000 })
  return async ({ name, uid: deploymentUid }) => {
    const evidence = { replicas: 2, inFlight: 0, sockets: 0, humanIdleSeconds: null, awakeSeconds: 1 }
    const data = { name, lastActivityAt: '2026-11-23T12:00:00Z', idleSeconds: 1, deploymentUid, evidence }
    const id = randomBytes(8).toString('hex')
    const source = '//functions.platxa.io/scan-idle'
    const { headers, body } = encodeEvent(makeEvent({ type: 'io.platxa.instance.idle.detected.v1', source, id, data }))
    const answer = await app.request('/', { method: 'POST', headers, body: body ?? null })
    return answer.headers.get('ce-type') === 'io.platxa.instance.slept.v1' ? 'slept' : 'declined'
  }
}
