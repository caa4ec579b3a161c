// The node's own programs: containerd, kubelet and kube-proxy. What differs from their defaults, and why.
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import type { ControlPlane } from '#local/control-plane/start.ts'
import { run, type Running } from '#local/control-plane/processes.ts'
import { findProgram, programFolders } from '#local/tools/programs.ts'

import { PAUSE_IMAGE, SOCKET } from './images.ts'
import { pluginFolder } from './machine.ts'
import { CLUSTER_DOMAIN, DNS_ADDRESS, NODE, NODE_ADDRESS, podNetwork, POD_RANGE } from './network.ts'

const CONTAINERD_LIMIT_MS = 30_000
const POLL_MS = 100

export interface NodeSetup {
  readonly dataDir: string
  readonly cgroup: string
  readonly cgroupVersion1: boolean
}

export async function startContainerd(setup: NodeSetup): Promise<Running> {
  const { dataDir } = setup
  await mkdir(join(dataDir, 'cni'), { recursive: true })
  await mkdir(join(dataDir, 'logs'), { recursive: true })
  await writeFile(join(dataDir, 'cni', '10-pods.conflist'), JSON.stringify(podNetwork(dataDir)))
  const config = join(dataDir, 'containerd.toml')
  await writeFile(config, containerdConfig(setup, (await pluginFolder()) ?? ''))
  const binary = (await findProgram(programFolders(process.env), 'containerd')) ?? 'containerd'
  const containerd = await start(setup, 'containerd', binary, ['--config', config])
  const deadline = Date.now() + CONTAINERD_LIMIT_MS
  for (;;) {
    const answers = await promisify(execFile)('ctr', ['--address', SOCKET, 'version']).then(
      () => true,
      () => false,
    )
    if (answers) return containerd
    if (Date.now() > deadline) throw new Error(`containerd does not answer:\n${await containerd.lastLines(8)}`)
    await sleep(POLL_MS)
  }
}

function containerdConfig({ dataDir }: NodeSetup, plugins: string): string {
  return `version = 2
root = "${dataDir}/containerd"
state = "/run/containerd"
[grpc]
  address = "${SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # without CAP_SYS_RESOURCE nobody may lower a score
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "${dataDir}/cni"
`
}

export async function startKubelet(setup: NodeSetup, controlPlane: ControlPlane, folder: string): Promise<Running> {
  const { dataDir } = setup
  await writeFile(join(dataDir, 'resolv.conf'), '')
  const config = join(dataDir, 'kubelet.json')
  await writeFile(config, JSON.stringify(kubeletConfig(setup, controlPlane)))
  return await start(setup, 'kubelet', join(folder, 'kubelet'), [
    `--config=${config}`,
    `--kubeconfig=${join(dataDir, 'kubelet.kubeconfig')}`,
    `--hostname-override=${NODE}`,
    `--node-ip=${NODE_ADDRESS}`,
    `--root-dir=/var/lib/kubelet`,
    `--cert-dir=${join(dataDir, 'kubelet-certificates')}`,
  ])
}

function kubeletConfig({ dataDir, cgroup, cgroupVersion1 }: NodeSetup, { pki }: ControlPlane): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: NODE_ADDRESS,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki.cert('ca') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: pki.cert('kubelet'),
    tlsPrivateKeyFile: pki.key('kubelet'),
    containerRuntimeEndpoint: `unix://${SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    ...(cgroupVersion1 && { failCgroupV1: false }),
    failSwapOn: false,
    oomScoreAdj: 0,
    clusterDNS: [DNS_ADDRESS],
    clusterDomain: CLUSTER_DOMAIN,
    resolvConf: join(dataDir, 'resolv.conf'),
    // there is no registry: what is removed is gone
    imageGCHighThresholdPercent: 100,
    imageMinimumGCAge: '8760h',
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%', 'memory.available': '200Mi' },
    maxPods: 200,
    serializeImagePulls: false,
    // a pod's start is measured here, and the API server is beside us
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    registryPullQPS: 0,
  }
}

export async function startKubeProxy(setup: NodeSetup, folder: string): Promise<Running> {
  const config = join(setup.dataDir, 'kube-proxy.json')
  await writeFile(config, JSON.stringify(proxyConfig(setup.dataDir)))
  return await start(setup, 'kube-proxy', join(folder, 'kube-proxy'), [`--config=${config}`])
}

function proxyConfig(dataDir: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: join(dataDir, 'kube-proxy.kubeconfig') },
    mode: 'nftables',
    clusterCIDR: POD_RANGE,
    hostnameOverride: NODE,
    bindAddress: '127.0.0.1',
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    nodePortAddresses: [`${NODE_ADDRESS}/32`],
    // unset means 1 s, and every new endpoint would wait for it
    nftables: { minSyncPeriod: '50ms' },
    oomScoreAdj: 0,
    conntrack: { maxPerCore: 0 },
  }
}

function start({ dataDir }: NodeSetup, name: string, binary: string, args: readonly string[]): Promise<Running> {
  const logFile = join(dataDir, 'logs', `${name}.log`)
  // not among those of the control plane, which is started anew while these go on
  return run({ name, binary, args, mark: dataDir, notes: join(dataDir, 'node-processes'), logFile })
}
