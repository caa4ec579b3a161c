// The API server goes away and comes back: the pods neither notice nor are they forgotten.
import type { Pod } from 'kubernetes-types/core/v1.js'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { type OwnControlPlane, ownControlPlane } from '#test/world/cluster.ts'

import { eventually, isReady, server, type TestNode, testNode } from './world.ts'

let controlPlane: OwnControlPlane
let kubernetes: Kubernetes
let world: TestNode
const within = (): AbortSignal => AbortSignal.timeout(30_000)
const pods = { apiVersion: 'v1', kind: 'Pod', namespace: 'default' }

beforeAll(async () => {
  controlPlane = await ownControlPlane()
  kubernetes = await connect({ kubeconfig: controlPlane.kubeconfig })
  world = await testNode({ kubeconfig: controlPlane.kubeconfig, taints: [] })
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadataOf('default') }
  await eventually(() => kubernetes.create(account, { signal: within() }))
})
afterAll(async () => {
  await world.end()
  await kubernetes.close()
  await controlPlane.end()
})

const metadataOf = (name: string): { name: string; namespace: string } => ({ name, namespace: 'default' })

/** There is no scheduler here. */
const bound = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadataOf(name),
  spec: {
    nodeName: world.node.name,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'main', ...server('process.pid') }],
  },
})

const podOf = async (name: string): Promise<Pod> => {
  const pod = await kubernetes.get<Pod>({ ...pods, name }, { signal: within() })
  if (pod === undefined) throw new Error(`there is no pod ${name}`)
  return pod
}
const ask = async ({ status }: Pod): Promise<number> =>
  Number(await (await fetch(`http://${status?.podIP}:8080`)).text())

it('a process that ends during an outage is started again at once, and all is reported afterwards', async () => {
  await kubernetes.create(bound('crashing'), { signal: within() })
  const pod = await eventually(async () => {
    const now = await podOf('crashing')
    expect(isReady(now)).toBe(true)
    return now
  })
  const before = await eventually(() => ask(pod))
  await controlPlane.restart(async () => {
    process.kill(before, 'SIGKILL')
    const after = await eventually(() => ask(pod))
    expect(after).not.toBe(before)
  })
  await eventually(async () => {
    const now = await podOf('crashing')
    expect(now.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: true })
  })
})

it('a pod that is made and one that is deleted after an outage are seen', async () => {
  await controlPlane.restart()
  await eventually(() => kubernetes.create(bound('later'), { signal: within() }))
  await eventually(async () => expect(isReady(await podOf('later'))).toBe(true))
  await kubernetes.delete({ ...pods, name: 'crashing' }, { signal: within() })
  await eventually(() => expect(podOf('crashing')).rejects.toThrow('there is no pod'))
})
