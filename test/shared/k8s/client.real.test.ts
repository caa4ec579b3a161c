import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { expect, it } from 'vitest'

import { cluster, testNamespace } from '#test/world/cluster.ts'

it('gives undefined for what is not there', async () => {
  const kubernetes = await cluster()
  const namespace = await testNamespace()
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'absent' }
  expect(await kubernetes.get<ConfigMap>(ref, { signal: AbortSignal.timeout(5000) })).toBeUndefined()
})
