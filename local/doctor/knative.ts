// Checks of Knative: there, new enough, and led to its functions by Traefik.
import { compareVersions } from '#local/control-plane/pinned.ts'
import { ask, conditions, configMap, deployment, listOf } from './ask.ts'
import { bad, type Check, type Finding, good, type Patient, unknown } from './finding.ts'

/** The first whose Services Traefik's provider is made for. */
const OLDEST = '1.20'
const INGRESS_CLASS = 'traefik.ingress.networking.knative.dev'

const parts = [
  { name: 'Knative Serving', namespace: 'knative-serving', controller: 'controller' },
  { name: 'Knative Eventing', namespace: 'knative-eventing', controller: 'eventing-controller' },
] as const

export const knativeVersions: Check = {
  name: 'Knative',
  beforeInstall: true,
  clusterOnly: true,
  look: (patient) => Promise.all(parts.map((part) => versionOf(patient, part))),
}

async function versionOf(patient: Patient, { name, namespace, controller }: (typeof parts)[number]): Promise<Finding> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${controller}`
  const found = await ask(patient, path, deployment)
  if (found === undefined) {
    return bad(`${name} is not installed: no Deployment ${namespace}/${controller}`, 'https://knative.dev/docs/install')
  }
  const version = found.metadata.labels['app.kubernetes.io/version'] ?? ''
  if (found.status.availableReplicas === 0) {
    return bad(`${name} does not run`, `kubectl -n ${namespace} describe deployment ${controller}`)
  }
  if (!/^v?\d/.test(version)) return unknown(`${name} runs and does not say its version ("${version}")`)
  if (compareVersions(version.replace(/^v/, ''), OLDEST) >= 0) return good(`${name} ${version}`)
  return bad(`${name} ${version} is older than ${OLDEST}`, 'upgrade it one minor version at a time')
}

export const knativeIngress: Check = {
  name: 'Knative’s ingress',
  beforeInstall: true,
  clusterOnly: true,
  async look(patient) {
    const path = '/api/v1/namespaces/knative-serving/configmaps/config-network'
    const found = await ask(patient, path, configMap)
    // The second spelling is the older one; both count.
    const ingress = found?.data['ingress-class'] ?? found?.data['ingress.class']
    if (ingress === INGRESS_CLASS) return [good('Knative leaves its routes to Traefik')]
    const patch = `{"data":{"ingress-class":"${INGRESS_CLASS}"}}`
    return [
      bad(
        `Knative waits for the ingress ${ingress ?? 'of its default, Istio'}: its Services never become ready`,
        `kubectl -n knative-serving patch configmap config-network --type merge -p '${patch}'`,
      ),
    ]
  },
}

const ours = [
  { kind: 'KService', path: '/apis/serving.knative.dev/v1/namespaces/platxa/services' },
  { kind: 'Broker', path: '/apis/eventing.knative.dev/v1/namespaces/platxa/brokers' },
  { kind: 'Trigger', path: '/apis/eventing.knative.dev/v1/namespaces/platxa/triggers' },
  { kind: 'PingSource', path: '/apis/sources.knative.dev/v1/namespaces/platxa/pingsources' },
] as const

export const readiness: Check = {
  name: 'functions',
  beforeInstall: false,
  clusterOnly: true,
  look: async (patient) => (await Promise.all(ours.map((one) => readyOnes(patient, one)))).flat(),
}

async function readyOnes(patient: Patient, { kind, path }: (typeof ours)[number]): Promise<readonly Finding[]> {
  const items = (await ask(patient, path, listOf(conditions)))?.items ?? []
  if (items.length === 0) {
    return [bad(`there is no ${kind} in namespace platxa`, 'kubectl apply -k manifests/overlays/…')]
  }
  const waiting = items.flatMap(({ metadata, status }) => {
    const ready = status.conditions.find(({ type }) => type === 'Ready')
    if (ready?.status === 'True') return []
    const why = ready?.message ?? 'nothing has looked at it yet'
    const mend = `kubectl -n platxa describe ${kind.toLowerCase()} ${metadata.name}`
    return [bad(`${kind} ${metadata.name} is not ready: ${why}`, mend)]
  })
  return waiting.length > 0 ? waiting : [good(`all ${items.length} of kind ${kind} are ready`)]
}
