// A whole control plane with the rights and policies of manifests/base, nodes that take pods and run none, and volumes.
import type { Pod } from 'kubernetes-types/core/v1.js'
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { startControlPlane, type ControlPlane } from '#local/control-plane/start.ts'
import { createStorageClass, provisionVolumes } from '#local/node/provisioner.ts'
import { keepRegistered, register } from '#local/node/registration.ts'
import { namespaceOf } from '#shared/instance/names.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes, Manifest } from '#shared/k8s/kubernetes.ts'
import { createLog } from '#shared/server/log.ts'
import { base, isKnative } from '#test/manifests/base.ts'
import type { Kit } from '../figure.ts'

/** Each takes 110 pods: nothing is removed, so that removing disturbs nothing. */
const NODES = ['node-1', 'node-2']
export const silent = createLog('bench', { level: 'silent' })

export interface Cluster {
  readonly kubernetes: Kubernetes
  readonly controlPlane: ControlPlane
  /** When it was known here that the scheduler had found a node for the instance's pod; `performance.now()`. */
  scheduled(instance: string): Promise<number>
  stop(): Promise<void>
}

export async function startCluster(kit: Kit): Promise<Cluster> {
  const { dir, signal } = kit
  const binaries = await obtainControlPlane({ progress: (line) => kit.say(line), signal })
  const controlPlane = await startControlPlane({ binaries, dataDir: `${dir}/cluster`, durable: false, signal })
  const kubernetes = await connect({ kubeconfig: controlPlane.kubeconfig })
  const ending = new AbortController()
  const until = AbortSignal.any([signal, ending.signal])
  await install(kubernetes, signal)
  await startNodes(kubernetes, `${dir}/volumes`, until)
  const scheduled = followPods(kubernetes, until)
  return {
    kubernetes,
    controlPlane,
    scheduled: (instance) => scheduled(namespaceOf(instance)),
    async stop() {
      ending.abort()
      await kubernetes.close()
      await controlPlane.stop()
    },
  }
}

async function install(kubernetes: Kubernetes, signal: AbortSignal): Promise<void> {
  const kinds = /^(Namespace|ServiceAccount|(Cluster)?Role|(Cluster)?RoleBinding|ValidatingAdmissionPolicy.*)$/
  for (const object of base) {
    if (isKnative(object) || !kinds.test(object.kind)) continue
    await kubernetes.apply<Manifest>(object, { fieldManager: 'bench', signal })
  }
}

async function startNodes(kubernetes: Kubernetes, volumesDir: string, signal: AbortSignal): Promise<void> {
  for (const [index, name] of NODES.entries()) {
    const node = { name, address: `127.0.0.${index + 1}`, taints: [], kubernetes, log: silent }
    await register(node, signal)
    void keepRegistered(node, signal)
  }
  const volumes = { className: 'standard', isDefault: true, nodeName: 'bench', volumesDir, kubernetes, log: silent }
  await createStorageClass(volumes, signal)
  // It ends with the signal, by an error that says so.
  void provisionVolumes(volumes, signal).catch(() => {})
}

function followPods(kubernetes: Kubernetes, signal: AbortSignal): (namespace: string) => Promise<number> {
  const known = new Map<string, PromiseWithResolvers<number>>()
  const of = (namespace: string) => {
    const one = known.get(namespace) ?? Promise.withResolvers<number>()
    known.set(namespace, one)
    return one
  }
  const follow = async (): Promise<void> => {
    const pods = { apiVersion: 'v1', kind: 'Pod' }
    for await (const event of kubernetes.watch<Pod>(pods, { labelSelector: 'app=odoo', signal })) {
      for (const { metadata, spec } of event.type === 'synced' ? event.objects : [event.object]) {
        if (spec?.nodeName !== undefined) of(metadata?.namespace ?? '').resolve(performance.now())
      }
    }
  }
  void follow().catch(() => {})
  return (namespace) => of(namespace).promise
}
