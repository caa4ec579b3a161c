// A server that starts at once, three times: as an instance behind wake, as a Knative Service, and alone.
import { request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1.js'
import type { Everything } from '#local/cluster/everything.ts'
import { BASE_DOMAIN } from '#local/cluster/network.ts'
import { Applier } from '#local/cluster/objects.ts'
import { FUNCTIONS_DOMAIN } from '#local/cluster/start.ts'
import { untilTrue } from '#local/cluster/ready.ts'
import { deploymentOf, namespaceOf, ports } from '#shared/instance/names.ts'
import type { Kubernetes, Ref } from '#shared/k8s/kubernetes.ts'
import { PROBE_IMAGE } from '#test/cluster/probe-image.ts'
import type { Way } from '../cluster.bench.ts'

const LIMIT_MS = 240_000
const NAMESPACE = 'light'
const DIAL_EVERY_MS = 5

export interface Light {
  readonly way: Way
  readonly host: string
  /** Whose Deployments: all of a namespace. */
  readonly namespace: string
  /** Whether it sleeps by itself when left alone. */
  readonly byItself: boolean
}

export async function lightServers(of: Everything, signal: AbortSignal): Promise<readonly Light[]> {
  const { kubernetes } = of
  const applier = new Applier(kubernetes, signal)
  const namespaces = [NAMESPACE, `${NAMESPACE}-knative`]
  const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await applier.apply([...namespaces.map(namespace), deployment(), knativeService()])
  await instance(of, signal)
  const lights: readonly Light[] = [
    { way: 'bare', host: '', namespace: NAMESPACE, byItself: false },
    { way: 'wake', host: `${NAMESPACE}.${BASE_DOMAIN}`, namespace: namespaceOf(NAMESPACE), byItself: false },
    {
      way: 'knative',
      host: `${NAMESPACE}.${NAMESPACE}-knative.${FUNCTIONS_DOMAIN}`,
      namespace: `${NAMESPACE}-knative`,
      byItself: true,
    },
  ]
  return lights
}

/** Scaled down, with no pod left; Knative's last pod drains for half a minute, during which it is asleep already. */
export async function asleep(
  { namespace, byItself }: Light,
  kubernetes: Kubernetes,
  signal: AbortSignal,
): Promise<void> {
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment', namespace }
  const isDown = async (): Promise<boolean> => {
    let count = 0
    for await (const { metadata, spec, status } of kubernetes.list<Deployment>(kind, { signal })) {
      count += 1
      if (!byItself && spec?.replicas !== 0)
        await kubernetes.scale({ ...kind, name: metadata?.name ?? '' }, 0, { signal })
      if (spec?.replicas !== 0 || (status?.replicas ?? 0) > 0) return false
    }
    return count > 0 && (byItself || (await podsOf(namespace, kubernetes, signal)).length === 0)
  }
  await untilTrue(() => `${namespace} does not sleep`, LIMIT_MS, signal, isDown)
}

async function podsOf(namespace: string, kubernetes: Kubernetes, signal: AbortSignal): Promise<readonly Pod[]> {
  return await Array.fromAsync(kubernetes.list<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace }, { signal }))
}

/** What anybody could do: wake it, watch for its address, dial until it accepts, ask. */
export async function bareTry({ namespace }: Light, kubernetes: Kubernetes, signal: AbortSignal): Promise<number> {
  const from = performance.now()
  await kubernetes.scale(refOf(namespace), 1, { signal })
  const ip = await addressOf(namespace, kubernetes, signal)
  while (!(await accepts(ip))) await sleep(DIAL_EVERY_MS)
  await new Promise<void>((resolve, reject) => {
    const call = request({ host: ip, port: ports.http, agent: false }, (response) => {
      response.resume()
      resolve()
    })
    call.once('error', reject).end()
  })
  return performance.now() - from
}

async function addressOf(namespace: string, kubernetes: Kubernetes, signal: AbortSignal): Promise<string> {
  for await (const event of kubernetes.watch<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace }, { signal })) {
    const pods = event.type === 'synced' ? event.objects : event.type === 'applied' ? [event.object] : []
    const ip = pods.find(({ metadata }) => metadata?.deletionTimestamp === undefined)?.status?.podIP
    if (ip !== undefined) return ip
  }
  throw new Error('no pod came')
}

function accepts(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: ports.http })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function refOf(namespace: string): Ref {
  return { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: NAMESPACE }
}

function container(): Container {
  return {
    name: 'light',
    image: PROBE_IMAGE,
    env: [{ name: 'PORT', value: String(ports.http) }],
    ports: [{ containerPort: ports.http }],
    readinessProbe: { httpGet: { path: '/', port: ports.http }, periodSeconds: 1 },
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '1', memory: '256Mi' } },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
  }
}

function podSpec(): PodSpec {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 2,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container()],
  }
}

function deployment() {
  const labels = { app: NAMESPACE }
  const template = { metadata: { labels }, spec: podSpec() }
  const spec = { replicas: 0, selector: { matchLabels: labels }, template }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: NAMESPACE, namespace: NAMESPACE }, spec }
}

function knativeService() {
  const { env: _, ports: __, readinessProbe: ___, ...own } = container()
  const readinessProbe = { httpGet: { path: '/' } }
  const annotations = {
    'autoscaling.knative.dev/window': '6s',
    'autoscaling.knative.dev/scale-to-zero-pod-retention-period': '0s',
  }
  const template = { metadata: { annotations }, spec: { timeoutSeconds: 20, containers: [{ ...own, readinessProbe }] } }
  const metadata = { name: NAMESPACE, namespace: `${NAMESPACE}-knative` }
  return { apiVersion: 'serving.knative.dev/v1', kind: 'Service', metadata, spec: { template } }
}

/** A real one, of which only the pod is exchanged: its Ingress, its ExternalName, its rights and its policies stay. */
async function instance({ broker, kubernetes }: Everything, signal: AbortSignal): Promise<void> {
  const hosts = [`${NAMESPACE}.${BASE_DOMAIN}`]
  const data = { name: NAMESPACE, revision: 1, ownerId: 'u-1', tier: 'free', odooVersion: '19', hosts }
  const answer = await fetch(broker, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'light',
      'ce-source': '//bench.example',
      'ce-type': 'io.platxa.instance.requested.v1',
      'ce-subject': `instances/${NAMESPACE}`,
    },
    body: JSON.stringify(data),
    signal,
  })
  if (answer.status !== 202) throw new Error(`the broker answered ${answer.status}`)
  const ref = { ...refOf(namespaceOf(NAMESPACE)), name: deploymentOf(NAMESPACE) }
  const pod = [{ op: 'replace', path: '/spec/template/spec', value: podSpec() }]
  await kubernetes.patch(ref, pod, { type: 'json', signal })
}
