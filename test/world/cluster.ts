// The API server of this test run (test/world/global.ts), and what a test needs to have it to itself.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import type { PolicyRule } from 'kubernetes-types/rbac/v1.js'
import { Agent } from 'undici'
import { inject, onTestFinished } from 'vitest'

import { type ControlPlane, startControlPlane, type StartOptions } from '#local/control-plane/start.ts'
import { connect, type ConnectOptions } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

import { makeRunFolder } from './run-folder.ts'

const LIMIT_MS = 30_000

let admin: Promise<Kubernetes> | undefined

/** With all rights; one connection for the whole test file. */
export function cluster(): Promise<Kubernetes> {
  return (admin ??= connect({ kubeconfig: inject('kubeconfig') }))
}

/** A namespace nobody else uses, removed when the test is over. */
export async function testNamespace(prefix = 'test'): Promise<string> {
  const kubernetes = await cluster()
  const name = `${prefix}-${randomBytes(5).toString('hex')}`
  await kubernetes.create(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { signal: AbortSignal.timeout(LIMIT_MS) },
  )
  onTestFinished(async () => {
    await kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name }, { signal: AbortSignal.timeout(LIMIT_MS) })
  })
  return name
}

/** Where the API server is and who it says it is, for clients that are given these one by one. */
export async function server(): Promise<{ readonly server: string; readonly ca: string }> {
  const config: unknown = JSON.parse(await readFile(inject('kubeconfig'), 'utf8'))
  const { clusters } = config as { clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }] }
  const { cluster } = clusters[0]
  return { server: cluster.server, ca: Buffer.from(cluster['certificate-authority-data'], 'base64').toString('utf8') }
}

export interface TokenOptions {
  /** The API server gives none for less than ten minutes. */
  readonly expirationSeconds?: number
  /** Dies with this Secret. */
  readonly boundTo?: { readonly name: string; readonly uid: string }
}

/** A token of the service account, which is created when it is not there. */
export async function tokenOf(namespace: string, name: string, options: TokenOptions = {}): Promise<string> {
  const kubernetes = await cluster()
  const signal = AbortSignal.timeout(LIMIT_MS)
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }
  await kubernetes.apply(account, { fieldManager: 'test', signal })
  const { boundTo, expirationSeconds = 3600 } = options
  const boundObjectRef = boundTo === undefined ? undefined : { apiVersion: 'v1', kind: 'Secret', ...boundTo }
  const { status } = await kubernetes.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    {
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds, boundObjectRef },
      },
      signal,
    },
  )
  return status.token
}

/** Rights of a service account in its own namespace. */
export async function allow(namespace: string, name: string, rules: readonly PolicyRule[]): Promise<void> {
  const kubernetes = await cluster()
  const options = { fieldManager: 'test', signal: AbortSignal.timeout(LIMIT_MS) }
  const metadata = { name, namespace }
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  await kubernetes.apply({ apiVersion, kind: 'Role', metadata, rules: [...rules] }, options)
  const binding = {
    apiVersion,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  }
  await kubernetes.apply(binding, options)
}

/** The API server as this service account sees it: nothing is allowed unless RBAC allows it. Closed with the test. */
export async function asServiceAccount(
  namespace: string,
  name: string,
  options: Pick<ConnectOptions, 'limits'> = {},
): Promise<Kubernetes> {
  const kubernetes = await connect({ ...(await server()), ...options, token: await tokenOf(namespace, name) })
  onTestFinished(() => kubernetes.close())
  return kubernetes
}

export interface OwnControlPlane {
  readonly kubeconfig: string
  readonly dataDir: string
  pids(): ControlPlane['pids']
  /** Stops it and starts it on the same data and the same port. */
  restart(between?: () => Promise<void>): Promise<void>
  /** Makes etcd forget everything but the present. */
  compact(): Promise<void>
  /** Stops it and removes its data. */
  end(): Promise<void>
}

/** A control plane for one test file, to be stopped in between. etcd and the API server alone, unless told. */
export async function ownControlPlane(
  components: StartOptions['components'] = ['etcd', 'kube-apiserver'],
): Promise<OwnControlPlane> {
  const folder = await makeRunFolder()
  const dataDir = folder.controlPlane
  const start = () =>
    startControlPlane({
      binaries: inject('controlPlaneBinaries'),
      dataDir,
      durable: false,
      components,
      signal: new AbortController().signal,
    })
  let running = await start()
  return {
    kubeconfig: running.kubeconfig,
    dataDir,
    pids: () => running.pids,
    restart: async (between) => {
      await running.stop()
      await between?.()
      running = await start()
    },
    compact: () => compact(running),
    end: async () => {
      await running.stop()
      await folder.remove()
    },
  }
}

/** By the JSON side of etcd's API. */
async function compact({ etcdUrl, pki }: ControlPlane): Promise<void> {
  const [ca, cert, key] = await Promise.all(
    [pki.cert('etcd-ca'), pki.cert('etcd-client'), pki.key('etcd-client')].map((path) => readFile(path, 'utf8')),
  )
  const etcd = new Agent({ connect: { ca, cert, key } })
  const post = async (path: string, body: object) => {
    const answer = await etcd.request({ origin: etcdUrl, path, method: 'POST', body: JSON.stringify(body) })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${text}`)
    return JSON.parse(text) as { header: { revision: string } }
  }
  try {
    const { header } = await post('/v3/kv/range', { key: Buffer.from('/none').toString('base64') })
    await post('/v3/kv/compaction', { revision: header.revision, physical: true })
  } finally {
    await etcd.close()
  }
}
