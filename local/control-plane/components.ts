// Command lines of the four programs. What differs from their defaults, and why, is said here and nowhere else.
import { join } from 'node:path'

import type { Pki } from './pki.ts'

/** In the order of their start. */
export const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const
export type Component = (typeof COMPONENTS)[number]

export interface Setup {
  readonly dataDir: string
  readonly host: string
  readonly ports: Readonly<Record<Component, number>>
  readonly pki: Pki
  readonly serviceRange: string
  /** False = a power cut may lose data. For throw-away clusters: writing is several times faster. */
  readonly durable: boolean
  /** There is a real node with a kubelet; else pods are processes on loopback addresses. */
  readonly node: boolean
}

export function kubeconfigPath(dataDir: string, user: string): string {
  return join(dataDir, `${user}.kubeconfig`)
}

export function argsOf(component: Component, setup: Setup): readonly string[] {
  switch (component) {
    case 'etcd':
      return etcdArgs(setup)
    case 'kube-apiserver':
      return apiserverArgs(setup)
    case 'kube-controller-manager':
      return controllerManagerArgs(setup)
    case 'kube-scheduler':
      return schedulerArgs(setup)
  }
}

/** etcd is for the API server alone and always on this machine, whatever address the API server has. */
export function etcdUrl({ ports }: Pick<Setup, 'ports'>): string {
  return `https://127.0.0.1:${ports.etcd}`
}

function etcdArgs(setup: Setup): readonly string[] {
  const { dataDir, pki, durable } = setup
  const peer = 'https://127.0.0.1:0' // a cluster of one: nobody ever dials it
  return [
    '--name=local',
    `--data-dir=${join(dataDir, 'etcd')}`,
    `--listen-client-urls=${etcdUrl(setup)}`,
    `--advertise-client-urls=${etcdUrl(setup)}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=local=${peer}`,
    '--client-cert-auth',
    `--trusted-ca-file=${pki.cert('etcd-ca')}`,
    `--cert-file=${pki.cert('etcd')}`,
    `--key-file=${pki.key('etcd')}`,
    '--peer-client-cert-auth',
    `--peer-trusted-ca-file=${pki.cert('etcd-ca')}`,
    `--peer-cert-file=${pki.cert('etcd')}`,
    `--peer-key-file=${pki.key('etcd')}`,
    '--log-level=warn',
    ...(durable ? [] : ['--unsafe-no-fsync']),
  ]
}

function apiserverArgs(setup: Setup): readonly string[] {
  const { dataDir, host, ports, pki, serviceRange, node } = setup
  return [
    `--etcd-servers=${etcdUrl(setup)}`,
    `--etcd-cafile=${pki.cert('etcd-ca')}`,
    `--etcd-certfile=${pki.cert('etcd-client')}`,
    `--etcd-keyfile=${pki.key('etcd-client')}`,
    `--bind-address=${host}`,
    `--advertise-address=${host}`,
    `--secure-port=${ports['kube-apiserver']}`,
    `--tls-cert-file=${pki.cert('apiserver')}`,
    `--tls-private-key-file=${pki.key('apiserver')}`,
    `--client-ca-file=${pki.cert('ca')}`,
    '--anonymous-auth=false',
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-signing-key-file=${pki.serviceAccountKey}`,
    `--service-account-key-file=${pki.serviceAccountPublicKey}`,
    `--service-cluster-ip-range=${serviceRange}`,
    ...(node
      ? [
          `--kubelet-client-certificate=${pki.cert('admin')}`,
          `--kubelet-client-key=${pki.key('admin')}`,
          `--kubelet-certificate-authority=${pki.cert('ca')}`,
          '--kubelet-preferred-address-types=InternalIP',
          `--audit-policy-file=${auditPolicyPath(dataDir)}`,
          `--audit-log-path=${auditLogPath(dataDir)}`,
        ]
      : // an Endpoints object may not hold a loopback address, and pods are told the address by their environment
        ['--endpoint-reconciler-type=none']),
    // else it waits for every open watch of the HTTP/1 kind before it ends
    '--shutdown-watch-termination-grace-period=1s',
    '--allow-privileged=true',
    '--profiling=false',
  ]
}

export function auditPolicyPath(dataDir: string): string {
  return join(dataDir, 'audit-policy.json')
}

/** One line of JSON for each call that a service account made and got an answer to. */
export function auditLogPath(dataDir: string): string {
  return join(dataDir, 'logs', 'audit.log')
}

export function auditPolicy(): object {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted', 'Panic'],
    rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts'] }, { level: 'None' }],
  }
}

/** Far above the defaults (20 a second): a laptop has few objects, and each step of a waking pod waits for the last. */
const CLIENT_QPS = 200
const CLIENT_BURST = 400

function controllerManagerArgs({ dataDir, ports, pki, serviceRange, node }: Setup): readonly string[] {
  const kubeconfig = kubeconfigPath(dataDir, 'kube-controller-manager')
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--authentication-skip-lookup', // there is no front proxy whose CA it could look up
    '--bind-address=127.0.0.1',
    `--secure-port=${ports['kube-controller-manager']}`,
    `--service-account-private-key-file=${pki.serviceAccountKey}`,
    `--root-ca-file=${pki.cert('ca')}`,
    `--cluster-signing-cert-file=${pki.cert('ca')}`,
    `--cluster-signing-key-file=${pki.key('ca')}`,
    `--service-cluster-ip-range=${serviceRange}`,
    '--use-service-account-credentials',
    '--allocate-node-cidrs=false',
    '--leader-elect=false',
    `--kube-api-qps=${CLIENT_QPS}`,
    `--kube-api-burst=${CLIENT_BURST}`,
    '--concurrent-namespace-syncs=20',
    // loopback addresses of pods are let into no Endpoints: these controllers would complain for ever
    ...(node
      ? []
      : ['--controllers=*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller']),
    '--profiling=false',
  ]
}

function schedulerArgs({ dataDir, ports }: Setup): readonly string[] {
  const kubeconfig = kubeconfigPath(dataDir, 'kube-scheduler')
  return [
    `--config=${schedulerConfigPath(dataDir)}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--authentication-skip-lookup', // there is no front proxy whose CA it could look up
    '--bind-address=127.0.0.1',
    `--secure-port=${ports['kube-scheduler']}`,
  ]
}

export function schedulerConfigPath(dataDir: string): string {
  return join(dataDir, 'kube-scheduler.json')
}

/** Its limits can be set by a file only. */
export function schedulerConfig(dataDir: string): object {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    clientConnection: { kubeconfig: kubeconfigPath(dataDir, 'kube-scheduler'), qps: CLIENT_QPS, burst: CLIENT_BURST },
    leaderElection: { leaderElect: false },
    enableProfiling: false,
  }
}

export interface Probe {
  readonly url: string
  /** Undefined = any certificate will do: these make one of their own at each start. */
  readonly ca?: string
  readonly cert: string
  readonly key: string
}

/** Where each says that it is ready, and the certificates for asking. */
export function readiness(component: Component, { host, ports, pki }: Setup): Probe {
  const at = (address: string, path: string) => `https://${bracketed(address)}:${ports[component]}${path}`
  switch (component) {
    case 'etcd':
      return {
        url: at('127.0.0.1', '/health'),
        ca: pki.cert('etcd-ca'),
        cert: pki.cert('etcd-client'),
        key: pki.key('etcd-client'),
      }
    case 'kube-apiserver':
      return { url: at(host, '/readyz'), ca: pki.cert('ca'), cert: pki.cert('admin'), key: pki.key('admin') }
    case 'kube-controller-manager':
    case 'kube-scheduler':
      return { url: at('127.0.0.1', '/healthz'), cert: pki.cert('admin'), key: pki.key('admin') }
  }
}

export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
