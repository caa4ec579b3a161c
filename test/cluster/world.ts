// What tests on the cluster do again and again: ask through Traefik, publish to the broker, look at Kubernetes.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type ClientRequest, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Pod, PodSpec, Service } from 'kubernetes-types/core/v1.js'
import { inject } from 'vitest'

import type { EventData, EventType } from '#shared/events/catalogue.ts'
import { deploymentOf, namespaceOf } from '#shared/instance/names.ts'
import { connect } from '#shared/k8s/connect.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

import { lastWords } from './logs.ts'
import { PROBE_IMAGE } from './probe-image.ts'

/** A machine that does other things too may need it; nothing is measured here. */
export const PATIENCE = { timeout: 240_000, interval: 250 }
const CALL_MS = 60_000
const HELD_MS = 300_000
export const signal = (): AbortSignal => AbortSignal.timeout(CALL_MS)

/** As `expect.poll`, and in hooks too. Throws the last fault, or says what came last. */
export async function until<T>(look: () => Promise<T>, isSo: (seen: T) => boolean): Promise<T> {
  const deadline = Date.now() + PATIENCE.timeout
  for (;;) {
    const seen = await look()
    if (isSo(seen)) return seen
    if (Date.now() > deadline) throw new Error(`still so after ${PATIENCE.timeout / 1000} s: ${JSON.stringify(seen)}`)
    await sleep(PATIENCE.interval)
  }
}

let connected: Promise<Kubernetes> | undefined
export function cluster(): Promise<Kubernetes> {
  return (connected ??= connect({ kubeconfig: inject('clusterKubeconfig') }))
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly port?: number
}

let authority: string | undefined
export function trusted(): string {
  return (authority ??= readFileSync(inject('authority'), 'utf8'))
}

/** As the world does: by HTTPS, through Traefik. */
export function visit(host: string, path = '/', { method = 'GET', headers, body }: Asking = {}): Promise<Answer> {
  const options = { host: inject('frontDoor'), servername: host, ca: trusted(), path, method }
  return answered(secureRequest({ ...options, headers: { host, ...headers }, agent: false, timeout: HELD_MS }), body)
}

export function ask(
  address: string,
  path: string,
  { method = 'GET', headers, body, port = 80 }: Asking = {},
): Promise<Answer> {
  return answered(
    request({ host: address, port, path, method, headers: { ...headers }, agent: false, timeout: HELD_MS }),
    body,
  )
}

function answered(call: ClientRequest, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    call.once('response', (response) => {
      const { statusCode = 0, headers } = response
      text(response).then((whole) => resolve({ status: statusCode, headers, body: whole }), reject)
    })
    call.once('timeout', () => call.destroy(new Error('nothing was heard for minutes')))
    call.once('error', reject)
    call.end(body)
  })
}

export const hostOf = (name: string): string => `${name}.cluster.example`
export const html = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

/** Resolves when the broker has delivered it, or its dead letter: up to minutes. */
export async function publish<T extends EventType>(
  type: T,
  name: string,
  data: EventData<T> | object,
): Promise<Answer> {
  const { hostname, port, pathname } = new URL(inject('broker'))
  return await ask(hostname, pathname, {
    port: Number(port || 80),
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': randomUUID(),
      'ce-source': '//test.example',
      'ce-type': type,
      'ce-subject': `instances/${name}`,
    },
    body: JSON.stringify(data),
  })
}

export async function serviceAddress(namespace: string, name: string): Promise<string> {
  const kubernetes = await cluster()
  const found = await kubernetes.get<Service>(
    { apiVersion: 'v1', kind: 'Service', namespace, name },
    { signal: signal() },
  )
  return found?.spec?.clusterIP ?? ''
}

export async function instanceDeployment(name: string): Promise<Deployment | undefined> {
  const kubernetes = await cluster()
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaceOf(name), name: deploymentOf(name) }
  return await kubernetes.get<Deployment>(ref, { signal: signal() })
}

/** Requested, provisioned, and its login page is there. */
export async function newInstance(name: string): Promise<void> {
  const data = { name, revision: 1, ownerId: 'u-1', tier: 'free', odooVersion: '19', hosts: [hostOf(name)] }
  const answer = await publish('io.platxa.instance.requested.v1', name, data)
  if (answer.status !== 202) throw new Error(`the broker answered ${answer.status}: ${answer.body}`)
  const page = () => visit(hostOf(name), '/web/login', { headers: html })
  await until(page, ({ status }) => status === 200).catch(async (error: unknown) => {
    const spec = JSON.stringify((await instanceDeployment(name))?.status)
    const said = await lastWords(/^(platxa|traefik-system)_|^knative-eventing_.*(dispatcher|filter|ingress)/)
    throw new Error(`${name} has no login page; its Deployment: ${spec}\n${said}`, { cause: error })
  })
}

/** Each replica of wake finds out for itself, and one that does not know yet parks a tab: which one gets it is Traefik's choice. */
export async function everyReplicaKnows(host: string): Promise<void> {
  const pods = await wakePods()
  const addresses = pods.flatMap(({ metadata, status }) => (metadata?.deletionTimestamp ? [] : [status?.podIP ?? '']))
  if (addresses.length === 0) throw new Error('there is no replica of wake')
  const held = addresses.map((address) => ask(address, '/standin/echo', { port: 8080, headers: { host } }))
  const others = (await Promise.all(held)).filter(({ status }) => status !== 200)
  if (others.length > 0) throw new Error(`${host} is not awake: ${others.map(({ status }) => status).join(', ')}`)
}

/** By an operator's "sleep now"; everything that vetoes a sleep still does, so it is asked again until it is so. */
export async function putToSleep(name: string): Promise<void> {
  const replicas = async (): Promise<number | undefined> => {
    const before = (await instanceDeployment(name))?.spec?.replicas
    if (before === 0) return before
    await publish('io.platxa.idle.scan.requested.v1', name, { scope: [name], idleSeconds: 1 })
    return (await instanceDeployment(name))?.spec?.replicas
  }
  await until(replicas, (count) => count === 0)
}

export async function podsOf(namespace: string, labelSelector?: string): Promise<readonly Pod[]> {
  const kubernetes = await cluster()
  const pods: Pod[] = []
  const selection = { signal: signal(), ...(labelSelector !== undefined && { labelSelector }) }
  for await (const pod of kubernetes.list<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace }, selection)) pods.push(pod)
  return pods
}

export function wakePods(): Promise<readonly Pod[]> {
  return podsOf('traefik-system', 'app.kubernetes.io/name=wake')
}

export interface ProbePod {
  readonly namespace: string
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
}

/** A ready pod of test/cluster/pods/probe.ts, by its address. */
export async function probePod({ namespace, name, labels = {} }: ProbePod): Promise<string> {
  const kubernetes = await cluster()
  const spec: PodSpec = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'probe',
        image: PROBE_IMAGE,
        ports: [{ containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
        resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  }
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { app: name, ...labels } },
    spec,
  }
  await kubernetes.create(pod, { signal: signal() })
  const ready = await until(
    () => kubernetes.get<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace, name }, { signal: signal() }),
    (found) => found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true,
  )
  return ready?.status?.podIP ?? ''
}

export async function endPod(namespace: string, name: string): Promise<void> {
  const kubernetes = await cluster()
  const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name }
  await kubernetes.delete(ref, { signal: signal() })
  await until(
    () => kubernetes.get<Pod>(ref, { signal: signal() }),
    (found) => found === undefined,
  )
}
