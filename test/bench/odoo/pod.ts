import type { Pod } from 'kubernetes-types/core/v1.js'
import type { Instance } from '#test/flow/real/instance.ts'
import type { LocalWorld } from '#test/flow/local-world.ts'

const LIMIT_MS = 10_000

export async function podOf(world: LocalWorld, { name }: Instance): Promise<Pod | undefined> {
  const pods = { apiVersion: 'v1', kind: 'Pod', namespace: `instance-${name}` }
  for await (const pod of (await world.kubernetes()).list<Pod>(pods, { signal: AbortSignal.timeout(LIMIT_MS) }))
    return pod
  return undefined
}
