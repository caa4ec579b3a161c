// From a kind to its place in the API. A table, not discovery: one less round trip at each start, and a misspelt kind
// fails with its name.
import type { KindRef, Manifest, Ref } from './kubernetes.ts'

interface Resource {
  readonly plural: string
  readonly namespaced: boolean
}

const inNamespace = (plural: string): Resource => ({ plural, namespaced: true })
const inCluster = (plural: string): Resource => ({ plural, namespaced: false })

const RESOURCES: Readonly<Record<string, Readonly<Record<string, Resource>>>> = {
  v1: {
    ConfigMap: inNamespace('configmaps'),
    Endpoints: inNamespace('endpoints'),
    Event: inNamespace('events'),
    LimitRange: inNamespace('limitranges'),
    Namespace: inCluster('namespaces'),
    Node: inCluster('nodes'),
    PersistentVolume: inCluster('persistentvolumes'),
    PersistentVolumeClaim: inNamespace('persistentvolumeclaims'),
    Pod: inNamespace('pods'),
    ResourceQuota: inNamespace('resourcequotas'),
    Secret: inNamespace('secrets'),
    Service: inNamespace('services'),
    ServiceAccount: inNamespace('serviceaccounts'),
  },
  'admissionregistration.k8s.io/v1': {
    MutatingWebhookConfiguration: inCluster('mutatingwebhookconfigurations'),
    ValidatingAdmissionPolicy: inCluster('validatingadmissionpolicies'),
    ValidatingAdmissionPolicyBinding: inCluster('validatingadmissionpolicybindings'),
    ValidatingWebhookConfiguration: inCluster('validatingwebhookconfigurations'),
  },
  'apiextensions.k8s.io/v1': { CustomResourceDefinition: inCluster('customresourcedefinitions') },
  'apps/v1': {
    DaemonSet: inNamespace('daemonsets'),
    Deployment: inNamespace('deployments'),
    ReplicaSet: inNamespace('replicasets'),
    StatefulSet: inNamespace('statefulsets'),
  },
  'authentication.k8s.io/v1': { TokenReview: inCluster('tokenreviews') },
  'authorization.k8s.io/v1': {
    SelfSubjectAccessReview: inCluster('selfsubjectaccessreviews'),
    SelfSubjectRulesReview: inCluster('selfsubjectrulesreviews'),
    SubjectAccessReview: inCluster('subjectaccessreviews'),
  },
  'autoscaling/v2': { HorizontalPodAutoscaler: inNamespace('horizontalpodautoscalers') },
  'batch/v1': { CronJob: inNamespace('cronjobs'), Job: inNamespace('jobs') },
  'certificates.k8s.io/v1': { CertificateSigningRequest: inCluster('certificatesigningrequests') },
  'coordination.k8s.io/v1': { Lease: inNamespace('leases') },
  'discovery.k8s.io/v1': { EndpointSlice: inNamespace('endpointslices') },
  'eventing.knative.dev/v1': { Broker: inNamespace('brokers'), Trigger: inNamespace('triggers') },
  'events.k8s.io/v1': { Event: inNamespace('events') },
  'monitoring.coreos.com/v1': {
    PodMonitor: inNamespace('podmonitors'),
    PrometheusRule: inNamespace('prometheusrules'),
    ServiceMonitor: inNamespace('servicemonitors'),
  },
  'networking.k8s.io/v1': {
    Ingress: inNamespace('ingresses'),
    IngressClass: inCluster('ingressclasses'),
    NetworkPolicy: inNamespace('networkpolicies'),
  },
  'policy/v1': { PodDisruptionBudget: inNamespace('poddisruptionbudgets') },
  'rbac.authorization.k8s.io/v1': {
    ClusterRole: inCluster('clusterroles'),
    ClusterRoleBinding: inCluster('clusterrolebindings'),
    Role: inNamespace('roles'),
    RoleBinding: inNamespace('rolebindings'),
  },
  'scheduling.k8s.io/v1': { PriorityClass: inCluster('priorityclasses') },
  'serving.knative.dev/v1': { Service: inNamespace('services') },
  'sources.knative.dev/v1': { PingSource: inNamespace('pingsources') },
  'storage.k8s.io/v1': { CSINode: inCluster('csinodes'), StorageClass: inCluster('storageclasses') },
  'traefik.io/v1alpha1': { IngressRoute: inNamespace('ingressroutes'), Middleware: inNamespace('middlewares') },
}

/** A fault of the caller's code, not of the cluster. */
export class WrongRef extends Error {
  override readonly name = 'WrongRef'
}

export function resourceOf({ apiVersion, kind }: KindRef): Resource {
  const kinds = Object.hasOwn(RESOURCES, apiVersion) ? RESOURCES[apiVersion] : undefined
  const resource = kinds !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (resource === undefined) throw new WrongRef(`unknown kind ${kind} of ${apiVersion}: add it to shared/k8s/kinds.ts`)
  return resource
}

/** `/apis/apps/v1/namespaces/{ns}/deployments`; without a namespace those of all of them. */
export function collectionPath(kind: KindRef): string {
  const { plural, namespaced } = resourceOf(kind)
  const { apiVersion, namespace } = kind
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  if (namespace === undefined) return `${root}/${plural}`
  if (!namespaced) throw new WrongRef(`a ${kind.kind} is in no namespace, so it cannot be in ${namespace}`)
  return `${root}/namespaces/${segment(namespace)}/${plural}`
}

export function objectPath(ref: Ref, subresource?: string): string {
  if (resourceOf(ref).namespaced && ref.namespace === undefined) {
    throw new WrongRef(`the ${ref.kind} ${ref.name} needs a namespace`)
  }
  const path = `${collectionPath(ref)}/${segment(ref.name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

/** What an object says it is. */
export function kindOf({ apiVersion, kind, metadata }: Manifest): KindRef {
  if (apiVersion === undefined || kind === undefined) throw new WrongRef('an object needs apiVersion and kind')
  const { namespace } = metadata ?? {}
  if (namespace === undefined && resourceOf({ apiVersion, kind }).namespaced) {
    throw new WrongRef(`the ${kind} ${metadata?.name ?? ''} needs a metadata.namespace`)
  }
  return { apiVersion, kind, ...(namespace === undefined ? {} : { namespace }) }
}

export function refOf(object: Manifest): Ref {
  const kind = kindOf(object)
  const name = object.metadata?.name
  if (name === undefined) throw new WrongRef(`a ${kind.kind} needs a metadata.name`)
  return { ...kind, name }
}

/** A name with a slash or of two dots must not lead to another path. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') throw new WrongRef(`"${name}" is no name of an object`)
  return encodeURIComponent(name)
}
