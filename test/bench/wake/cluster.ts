// A real API server without controllers: what kubelet, scheduler and controllers would say of a pod is said by the bench.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod } from 'kubernetes-types/core/v1.js'
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { startControlPlane, type ControlPlane } from '#local/control-plane/start.ts'
import { deployment } from '#shared/instance/deployment.ts'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import { platformOf, secrets, specOf } from '#test/shared/instance/builders.ts'
import type { Kit } from '../figure.ts'

export interface Cluster {
  readonly kubernetes: Kubernetes
  /** What a pod's environment says of the API server, with a token as the kubelet mounts it. */
  readonly environment: Readonly<Record<string, string | number>>
  /** A sleeping instance; its host is `{name}.localhost`. */
  create(name: string): Promise<void>
  /** When wake has scaled it up. */
  wanted(name: string): Promise<void>
  /** Its pod has this address and is not ready yet. */
  runPod(name: string, ip: string): Promise<void>
  /** Scales to 0, and its pod is gone. */
  putToSleep(name: string): Promise<void>
  /** Requests so far, as the API server has counted them, with all of these labels: `verb="PATCH"`. */
  requests(...labels: readonly string[]): Promise<number>
  /** Successful PATCHes of any Deployment's scale. */
  scalePatches(): Promise<number>
  stop(): Promise<void>
}

const platform = platformOf({ BASE_DOMAIN: 'localhost' })

export async function startCluster(kit: Kit): Promise<Cluster> {
  const { dir, signal } = kit
  const progress = (line: string): void => kit.say(line)
  const binaries = await obtainControlPlane({ progress, signal })
  const components = ['etcd', 'kube-apiserver'] as const
  const controlPlane = await startControlPlane({
    binaries,
    dataDir: `${dir}/cluster`,
    durable: false,
    components,
    signal,
  })
  const kubernetes = await connect({ kubeconfig: controlPlane.kubeconfig })
  const { pki, port } = controlPlane
  const [ca, cert, key] = [pki.cert('ca'), pki.cert('admin'), pki.key('admin')].map((path) =>
    readFileSync(path, 'utf8'),
  )
  const agent = new Agent({ ca, cert, key })
  const deploymentRef = (name: string): Ref => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: namespaceOf(name),
    name: deploymentOf(name),
  })
  const podRef = (name: string): Ref => ({
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: namespaceOf(name),
    name: 'odoo-1',
  })

  function podFor(name: string): Pod {
    const { labels } = deployment(specOf({ name }), platform, secrets).metadata
    const containers = [{ name: 'odoo', image: 'odoo' }]
    const spec = { nodeName: 'nowhere', containers, automountServiceAccountToken: false }
    return { apiVersion: 'v1', kind: 'Pod', metadata: { ...podRef(name), labels: labels ?? {} }, spec }
  }

  async function requests(...labels: readonly string[]): Promise<number> {
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/metrics', agent }, (response) => {
        text(response).then(resolve, reject)
      })
      asked.once('error', reject).end()
    })
    return answer
      .split('\n')
      .filter((line) => line.startsWith('apiserver_request_total{') && labels.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  return {
    kubernetes,
    environment: await mountToken(kubernetes, controlPlane, dir),
    async create(name) {
      const namespace = namespaceOf(name)
      await kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal })
      const made = deployment(specOf({ name, hosts: [`${name}.localhost`] }), platform, secrets)
      await kubernetes.create({ ...made, spec: { ...made.spec, replicas: 0 } }, { signal })
    },
    async wanted(name) {
      for await (const event of kubernetes.watch<Deployment>(
        { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name) },
        { signal },
      )) {
        const seen = event.type === 'synced' ? event.objects : [event.object]
        if (seen.some(({ spec }) => spec?.replicas === 1)) return
      }
    },
    async runPod(name, ip) {
      const account = { name: 'default', namespace: namespaceOf(name) }
      await kubernetes.apply(
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
        { fieldManager: 'bench', signal },
      )
      await kubernetes.create(podFor(name), { signal })
      const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] }
      await kubernetes.patch(podRef(name), { status }, { type: 'merge', subresource: 'status', signal })
    },
    async putToSleep(name) {
      await kubernetes.scale(deploymentRef(name), 0, { signal })
      await kubernetes.delete(podRef(name), { gracePeriodSeconds: 0, signal })
    },
    requests,
    scalePatches: () => requests('code="200"', 'verb="PATCH"', 'resource="deployments"', 'subresource="scale"'),
    async stop() {
      agent.destroy()
      await kubernetes.close()
      await controlPlane.stop()
    },
  }
}

/** With all rights: rights are no question of this bench. A kubeconfig would load a library that no pod loads. */
async function mountToken(
  kubernetes: Kubernetes,
  { caFile, port }: ControlPlane,
  dir: string,
): Promise<Cluster['environment']> {
  const signal = AbortSignal.timeout(30_000)
  const metadata = { name: 'wake', namespace: 'default' }
  await kubernetes.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, { signal })
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'wake' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  }
  await kubernetes.create(binding, { signal })
  const path = '/api/v1/namespaces/default/serviceaccounts/wake/token'
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } }
  const { status } = await kubernetes.request<{ status: { token: string } }>('POST', path, { body, signal })
  const mount = `${dir}/serviceaccount`
  mkdirSync(mount)
  writeFileSync(`${mount}/token`, status.token, { mode: 0o600 })
  writeFileSync(`${mount}/namespace`, 'default')
  copyFileSync(caFile, `${mount}/ca.crt`)
  return { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port, SERVICE_ACCOUNT_DIR: mount }
}
