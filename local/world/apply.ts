// The manifests go to the API server, and what only Knative would understand is split off for us to play.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { Service } from 'kubernetes-types/core/v1.js'
import {
  type BrokerManifest,
  brokerManifest,
  type PingSourceManifest,
  pingSourceManifest,
  type TriggerManifest,
  triggerManifest,
} from '#local/broker/manifest.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { isKnativeService, readKnativeService, workloadOf } from './knative.ts'
import type { KubernetesObject } from './manifests.ts'

export interface Parts {
  /** What a plain API server knows, in the manifests' order. */
  readonly plain: readonly KubernetesObject[]
  /** Made of Knative Services. */
  readonly functions: readonly (readonly [Deployment, Service])[]
  readonly brokers: readonly BrokerManifest[]
  readonly triggers: readonly TriggerManifest[]
  readonly pings: readonly PingSourceManifest[]
  /** Functions the manifests speak of and that are not written yet: neither they nor their Triggers exist here. */
  readonly missing: readonly string[]
}

const manager = { fieldManager: 'platxa-local' }
/** Kinds of others' APIs (Traefik's, Prometheus's) have nobody to play them here. */
const PLAIN = /^(v1|apps\/v1|batch\/v1|policy\/v1|[a-z.]+\.k8s\.io\/v1)$/

/** `exists` tells whether a function of this name is there to be run. */
export function split(objects: readonly KubernetesObject[], exists: (name: string) => boolean): Parts {
  const services = objects.filter(isKnativeService).map(readKnativeService)
  const missing = services.map(({ metadata }) => metadata.name).filter((name) => !exists(name))
  const ofGroup = (group: string, kind: string): readonly KubernetesObject[] =>
    objects.filter((one) => one.apiVersion.startsWith(`${group}/`) && one.kind === kind)
  return {
    plain: objects.filter(({ apiVersion, kind }) => PLAIN.test(apiVersion) && kind !== 'CustomResourceDefinition'),
    functions: services.filter(({ metadata }) => !missing.includes(metadata.name)).map(workloadOf),
    brokers: ofGroup('eventing.knative.dev', 'Broker').map((one) => brokerManifest.parse(one)),
    triggers: ofGroup('eventing.knative.dev', 'Trigger')
      .map((one) => triggerManifest.parse(one))
      .filter(({ spec }) => !missing.includes(spec.subscriber.ref?.name ?? '')),
    pings: ofGroup('sources.knative.dev', 'PingSource').map((one) => pingSourceManifest.parse(one)),
    missing,
  }
}

/** The Services among all of it: who stands behind which port. */
export function servicesOf({ plain, functions }: Parts): readonly Service[] {
  const own = plain.filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Service')
  return [...own.map((one) => one as Service), ...functions.map(([, service]) => service)]
}

/** Deployments, with the ones of the functions. */
export function deploymentsOf({ plain, functions }: Parts): readonly Deployment[] {
  const own = plain.filter(({ kind }) => kind === 'Deployment')
  return [...own.map((one) => one as Deployment), ...functions.map(([deployment]) => deployment)]
}

/** First where things live, then what they may do, then who runs there: a pod without its ServiceAccount waits long. */
export async function applyPlain({ plain }: Parts, kubernetes: Kubernetes, signal: AbortSignal): Promise<void> {
  const apply = (object: KubernetesObject): Promise<unknown> => kubernetes.apply(object, { ...manager, signal })
  const waves = [0, 1, 2].map((wave) => plain.filter(({ kind }) => waveOf(kind) === wave))
  for (const wave of waves) await Promise.all(wave.map(apply))
}

function waveOf(kind: string): number {
  if (kind === 'Namespace') return 0
  return kind === 'Deployment' ? 2 : 1
}

/** Once their Secret is there: they need nobody else. */
export async function applyFunctions({ functions }: Parts, kubernetes: Kubernetes, signal: AbortSignal): Promise<void> {
  await Promise.all(functions.flat().map((object) => kubernetes.apply<object>(object, { ...manager, signal })))
}
