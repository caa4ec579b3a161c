import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { describe, expect, it } from 'vitest'

import { applyTogether } from '#shared/cluster/apply.ts'
import type { KubernetesObject } from '#shared/instance/object.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { cluster, testNamespace } from '#test/world/cluster.ts'

const configMap = (namespace: string, name: string) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } }) as KubernetesObject
const named = (namespace: string, count: number) =>
  Array.from({ length: count }, (_, index) => configMap(namespace, `map-${index}`))

/** The same API server, seen by somebody who counts. */
function counted(kubernetes: Kubernetes): { kubernetes: Kubernetes; underWay(): number; most(): number } {
  let now = 0
  let most = 0
  const apply: Kubernetes['apply'] = async (object, options) => {
    most = Math.max(most, (now += 1))
    return kubernetes.apply(object, options).finally(() => (now -= 1))
  }
  return { kubernetes: { ...kubernetes, apply }, underWay: () => now, most: () => most }
}

async function namesIn(kubernetes: Kubernetes, namespace: string): Promise<readonly (string | undefined)[]> {
  const { signal } = new AbortController()
  const found = await Array.fromAsync(
    kubernetes.list<ConfigMap>({ apiVersion: 'v1', kind: 'ConfigMap', namespace }, { signal }),
  )
  return found.map(({ metadata }) => metadata?.name)
}

describe('objects that are applied together', () => {
  it('are there, each of them, and never more than four were under way', async () => {
    const here = counted(await cluster())
    const namespace = await testNamespace()
    await applyTogether(here.kubernetes, named(namespace, 9), [], new AbortController().signal)
    expect(await namesIn(here.kubernetes, namespace)).toEqual(
      expect.arrayContaining(named(namespace, 9).map(({ metadata }) => metadata.name)),
    )
    expect(here.most()).toBe(4)
  })

  it('end with the first that is refused: the error is its own, nothing is under way and the last were not begun', async () => {
    const here = counted(await cluster())
    const namespace = await testNamespace()
    const objects = [configMap(namespace, 'NOT A NAME'), ...named(namespace, 40)]
    const applied = applyTogether(here.kubernetes, objects, [], new AbortController().signal)
    await expect(applied).rejects.toMatchObject({ status: 422 })
    expect(here.underWay()).toBe(0)
    expect(await namesIn(here.kubernetes, namespace)).not.toContain('map-39')
  })

  it('end with the signal, for its own reason', async () => {
    const here = counted(await cluster())
    const namespace = await testNamespace()
    const stopped = new AbortController()
    const apply: Kubernetes['apply'] = (object, options) => {
      if (object.metadata?.name === 'map-5') stopped.abort(new Error('the deadline'))
      return here.kubernetes.apply(object, options)
    }
    const applied = applyTogether({ ...here.kubernetes, apply }, named(namespace, 40), [], stopped.signal)
    await expect(applied).rejects.toThrow('the deadline')
    expect(here.underWay()).toBe(0)
  })
})
