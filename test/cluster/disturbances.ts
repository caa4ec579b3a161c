// Parts are restarted while requests are under way. What is asked of an instance is answered, whatever happens meanwhile.
import type { Pod } from 'kubernetes-types/core/v1.js'
import { beforeAll, describe, expect, inject, it } from 'vitest'

import { namespaceOf } from '#shared/instance/names.ts'

import {
  ask,
  cluster,
  everyReplicaKnows,
  hostOf,
  newInstance,
  PATIENCE,
  podsOf,
  putToSleep,
  signal,
  visit,
  wakePods,
} from './world.ts'

const name = 'steady'
const host = hostOf(name)
const BETWEEN_MS = 50

/** Asks one after the other, on connections of their own, until it is told to end; gives every answer that is no 200. */
function load(): { end(): Promise<{ readonly asked: number; readonly others: readonly string[] }> } {
  const ending = new AbortController()
  let asked = 0
  const others: string[] = []
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      asked += 1
      const said = await visit(host, '/web/health').then(
        ({ status }) => (status === 200 ? undefined : `status ${status}`),
        (error: unknown) => String(error),
      )
      if (said !== undefined) others.push(`${asked}: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS))
    }
  }
  const running = Promise.all([run(), run(), run()])
  return {
    end: async () => {
      ending.abort()
      await running
      return { asked, others }
    },
  }
}

/** Ends when the part runs again. */
async function restart(part: string): Promise<void> {
  const answer = await fetch(`${inject('restarter')}/${part}`, { method: 'POST' })
  expect(await answer.text()).toBe('')
}

async function rolledOut(): Promise<boolean> {
  const kubernetes = await cluster()
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'traefik-system', name: 'wake' }
  const found = await kubernetes.get<Rolled>(ref, { signal: signal() })
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, observedGeneration = 0 } = found?.status ?? {}
  const whole = replicas === updatedReplicas && replicas === readyReplicas && replicas === found?.spec?.replicas
  return whole && observedGeneration === found.metadata?.generation
}

interface Rolled {
  readonly metadata?: { readonly generation?: number }
  readonly spec?: { readonly replicas?: number }
  readonly status?: Partial<Record<'replicas' | 'updatedReplicas' | 'readyReplicas' | 'observedGeneration', number>>
}

describe('nothing is lost', () => {
  beforeAll(async () => {
    await newInstance(name)
    await everyReplicaKnows(host)
  })

  it('while wake is rolled out anew', async () => {
    const kubernetes = await cluster()
    const before = (await wakePods()).map(({ metadata }) => metadata?.name)
    const asking = load()
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'traefik-system', name: 'wake' }
    const metadata = { annotations: { 'platxa.io/rolled': String(Date.now()) } }
    await kubernetes.patch(ref, { spec: { template: { metadata } } }, { type: 'merge', signal: signal() })
    await expect.poll(rolledOut, PATIENCE).toBe(true)
    const left = async (): Promise<readonly (string | undefined)[]> =>
      (await wakePods()).map((pod) => pod.metadata?.name)
    await expect.poll(async () => (await left()).filter((pod) => before.includes(pod)), PATIENCE).toEqual([])
    const { asked, others } = await asking.end()
    expect(asked).toBeGreaterThan(20)
    expect(others).toEqual([])
  })

  it.each(['control-plane', 'kubelet', 'postgres'])(
    'while %s restarts, with a request held for a sleeper',
    async (part) => {
      await putToSleep(name)
      await expect.poll(async () => (await podsOf(namespaceOf(name))).length, PATIENCE).toBe(0)
      const held = visit(host, '/standin/echo', { method: 'POST', body: 'kept' })
      await restart(part)
      expect((await held).status).toBe(200)
      await everyReplicaKnows(host)
      const asking = load()
      await restart(part)
      const { asked, others } = await asking.end()
      expect(asked).toBeGreaterThan(0)
      expect(others).toEqual([])
    },
  )
})

describe('containers', () => {
  it('are ours: no root, no way to write but their volumes', async () => {
    const [wake] = await wakePods()
    const pod: Pod | undefined = wake
    expect(pod?.spec?.containers[0]?.image).toContain('platxa-functions')
    expect(pod?.spec?.containers[0]?.securityContext?.readOnlyRootFilesystem).toBe(true)
    expect(pod?.status?.containerStatuses?.[0]?.restartCount).toBe(0)
    expect((await ask(pod?.status?.podIP ?? '', '/health/readiness', { port: 8080 })).status).toBeLessThan(300)
  })
})
