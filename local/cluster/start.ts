// A whole cluster of one node, in order. The caller is already in namespaces of its own (namespaces.ts).
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Node } from 'kubernetes-types/core/v1.js'

import { type Binaries, type ControlPlane, startControlPlane } from '#local/control-plane/start.ts'
import type { Running } from '#local/control-plane/processes.ts'
import type { ImageSpec } from '#local/image/oci.ts'
import { createStorageClass, provisionVolumes } from '#local/node/provisioner.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

import { type Programs } from './build.ts'
import { importImages, PAUSE_IMAGE, programImage, REGISTRY } from './images.ts'
import { installEventing, installServing, knativeImages, type KnativeOf } from './knative.ts'
import { exchangeFolders, isCgroupVersion1, makeCgroup } from './namespaces.ts'
import { BASE_DOMAIN, layNetwork, NODE, NODE_ADDRESS } from './network.ts'
import { type NodeSetup, startContainerd, startKubelet, startKubeProxy } from './node.ts'
import { Applier, readObjects } from './objects.ts'
import { enforcePolicies } from './policy-agent.ts'
import { untilReady } from './ready.ts'

const NODE_LIMIT_MS = 90_000
const POLL_MS = 200
/** Of Knative's public Services. */
export const FUNCTIONS_DOMAIN = 'functions.example'
/** Of Traefik, whose definitions lie among its documentation. */
const TRAEFIK_KINDS = 'docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml'

export interface ClusterOptions {
  readonly folder: string
  readonly binaries: Binaries
  readonly programs: Programs
  readonly sources: KnativeOf['sources'] & Readonly<Record<'traefik', string>>
  /** Of the project, beside what the cluster itself needs. */
  readonly images: readonly ImageSpec[]
  /** Tells the run's cgroup from others: a process that lives as long as the cluster. */
  readonly owner: number
  readonly step: <T>(name: string, work: () => Promise<T>) => Promise<T>
  readonly log: Log
  readonly signal: AbortSignal
}

export interface Cluster {
  readonly kubeconfig: string
  readonly kubernetes: Kubernetes
  /** Files of the certificate with which the ingress serves every host of instances. */
  readonly edge: { readonly certificate: string; readonly key: string; readonly authority: string }
  /** Ends them and starts them on the same data. */
  restartControlPlane(): Promise<void>
  restartKubelet(): Promise<void>
  /** Whatever still runs is ended by the kernel, with the namespaces. */
  end(): Promise<void>
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { folder: dataDir, binaries, programs, step, signal } = options
  await exchangeFolders(dataDir)
  await layNetwork()
  const setup: NodeSetup = {
    dataDir,
    cgroup: await makeCgroup(options.owner),
    cgroupVersion1: await isCgroupVersion1(),
  }
  const node = { name: NODE, hosts: [`*.${BASE_DOMAIN}`] }
  const plane = (): Promise<ControlPlane> =>
    startControlPlane({ binaries, dataDir, host: NODE_ADDRESS, node, durable: false, signal })
  const containerd = startContainerd(setup)
  let [controlPlane] = await step('control plane and containerd', () =>
    Promise.all([plane(), containerd.then(() => importImages(basicImages(programs), dataDir))]),
  )
  const kubernetes = await connect({ kubeconfig: controlPlane.kubeconfig })
  const proxy = await startKubeProxy(setup, programs.node)
  let kubelet = await step('kubelet', () => startNode(setup, controlPlane, kubernetes, options))
  void keepHouse(kubernetes, options)
  await step('cluster DNS', () => installDns(kubernetes, signal))
  const images = [...knativeImages(programs.knative), ...options.images]
  await step(`${images.length} images`, () => importImages(images, dataDir))
  await step('Knative', () => installKnative(kubernetes, options))
  const { pki } = controlPlane
  return {
    kubeconfig: controlPlane.kubeconfig,
    kubernetes,
    edge: { certificate: pki.cert('edge'), key: pki.key('edge'), authority: pki.cert('ca') },
    restartControlPlane: async () => {
      await controlPlane.stop()
      controlPlane = await plane()
    },
    restartKubelet: async () => {
      await kubelet.stop()
      kubelet = await startKubelet(setup, controlPlane, programs.node)
    },
    end: async () => {
      for (const running of [kubelet, proxy, await containerd]) running.kill()
      await controlPlane.stop()
    },
  }
}

function basicImages({ pause, edge }: Programs): readonly ImageSpec[] {
  return [
    programImage(PAUSE_IMAGE, join(pause, 'pause')),
    programImage(`${REGISTRY}/coredns:1`, join(edge, 'coredns')),
    programImage(`${REGISTRY}/traefik:1`, join(edge, 'traefik')),
  ]
}

async function installDns(kubernetes: Kubernetes, signal: AbortSignal): Promise<void> {
  const file = join(import.meta.dirname, 'manifests', 'coredns.yaml')
  await new Applier(kubernetes, signal).apply(await readObjects([file]))
  await untilReady(kubernetes, 'kube-system', signal)
}

async function installKnative(kubernetes: Kubernetes, { sources, signal }: ClusterOptions): Promise<void> {
  const definitions = await readObjects([join(sources.traefik, TRAEFIK_KINDS)])
  const of = { kubernetes, sources, domain: FUNCTIONS_DOMAIN, signal }
  await Promise.all([new Applier(kubernetes, signal).apply(definitions), installEventing(of), installServing(of)])
}

async function startNode(
  setup: NodeSetup,
  controlPlane: ControlPlane,
  kubernetes: Kubernetes,
  { programs, signal }: ClusterOptions,
): Promise<Running> {
  const kubelet = await startKubelet(setup, controlPlane, programs.node)
  const deadline = Date.now() + NODE_LIMIT_MS
  for (;;) {
    const node = await kubernetes.get<Node>({ apiVersion: 'v1', kind: 'Node', name: NODE }, { signal })
    const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status === 'True') return kubelet
    if (Date.now() > deadline) {
      throw new Error(`the node is not ready: ${ready?.message ?? 'never seen'}\n${await kubelet.lastLines(12)}`)
    }
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** What a cloud would bring: volumes, and a network that obeys policies. */
async function keepHouse(kubernetes: Kubernetes, { folder, log, signal }: ClusterOptions): Promise<void> {
  const volumesDir = join(folder, 'volumes')
  await mkdir(volumesDir, { recursive: true })
  const volumes = {
    className: 'standard',
    isDefault: true,
    nodeName: NODE,
    volumesDir,
    openToAll: true,
    kubernetes,
    log,
  }
  await createStorageClass(volumes, signal)
  await Promise.all([
    provisionVolumes(volumes, signal),
    enforcePolicies({ kubernetes, onFault: (error) => log.error({ error: String(error) }, 'policies') }, signal),
  ])
}
