// Checks of our own part: its settings, its rights, the policies that keep them in, its front door.
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { z } from 'zod'
import { ask, deployment } from './ask.ts'
import { bad, type Check, type Finding, good, type Patient } from './finding.ts'

const APPLY = 'kubectl apply --server-side -k manifests/overlays/…'

export const settings: Check = {
  name: 'settings',
  beforeInstall: false,
  clusterOnly: false,
  look({ settings: found }) {
    if (Object.keys(found).length === 0)
      return Promise.resolve([bad('there is no ConfigMap platxa/platxa-functions', APPLY)])
    const parsed = platformVariables.safeParse(found)
    if (!parsed.success) {
      const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
      return Promise.resolve(faults.map((fault) => bad(fault, 'mend it in ConfigMap platxa/platxa-functions')))
    }
    const { baseDomain } = platformFrom(parsed.data)
    return Promise.resolve([good(`the settings can be read, instances live under ${baseDomain}`)])
  },
}

interface Right {
  readonly account: string
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly namespace?: string
}

const rights: readonly Right[] = [
  { account: 'platxa:provision', verb: 'create', group: '', resource: 'namespaces' },
  { account: 'platxa:provision', verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'rolebindings' },
  { account: 'platxa:change-tier', verb: 'get', group: '', resource: 'namespaces' },
  { account: 'platxa:change-status', verb: 'get', group: '', resource: 'namespaces' },
  { account: 'platxa:remove', verb: 'delete', group: '', resource: 'namespaces' },
  { account: 'platxa:sleep', verb: 'get', group: 'apps', resource: 'deployments' },
  { account: 'platxa:sleep', verb: 'list', group: '', resource: 'pods', namespace: 'traefik-system' },
  { account: 'platxa:scan-idle', verb: 'list', group: 'apps', resource: 'deployments' },
  { account: 'platxa:scan-idle', verb: 'list', group: '', resource: 'pods', namespace: 'traefik-system' },
  { account: 'platxa:dead-letter', verb: 'create', group: 'events.k8s.io', resource: 'events' },
  { account: 'traefik-system:wake', verb: 'watch', group: 'apps', resource: 'deployments' },
  { account: 'traefik-system:wake', verb: 'watch', group: '', resource: 'pods' },
]

export const access: Check = {
  name: 'rights',
  beforeInstall: false,
  clusterOnly: false,
  async look(patient) {
    const missing = (await Promise.all(rights.map((right) => lacks(patient, right)))).flat()
    return missing.length > 0
      ? missing
      : [good(`the functions may do what they have to (${rights.length} rights asked)`)]
  },
}

async function lacks({ kubernetes, signal }: Patient, right: Right): Promise<readonly Finding[]> {
  const { account, verb, group, resource, namespace } = right
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: `system:serviceaccount:${account}`, resourceAttributes: { verb, group, resource, namespace } },
  }
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
  const answer = await kubernetes.request<unknown>('POST', path, { body: review, signal })
  const { status } = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) }).parse(answer)
  const where = namespace === undefined ? '' : ` in ${namespace}`
  return status.allowed ? [] : [bad(`${account} may not ${verb} ${resource}${where}`, APPLY)]
}

const policies = ['platxa-inside-instances', 'platxa-scale-only', 'platxa-walls'] as const

export const walls: Check = {
  name: 'policies',
  beforeInstall: false,
  clusterOnly: false,
  async look(patient) {
    const root = '/apis/admissionregistration.k8s.io/v1'
    const missing = await Promise.all(
      policies.map(async (name) => {
        const policy = await ask(patient, `${root}/validatingadmissionpolicies/${name}`, z.looseObject({}))
        const bound = await ask(patient, `${root}/validatingadmissionpolicybindings/${name}`, z.looseObject({}))
        return policy && bound
          ? []
          : [bad(`the admission policy ${name} is not in force: a function could leave its bounds`, APPLY)]
      }),
    )
    const faults = missing.flat()
    return faults.length > 0 ? faults : [good('the admission policies are in force')]
  },
}

export const frontDoor: Check = {
  name: 'front door',
  beforeInstall: false,
  clusterOnly: false,
  async look(patient) {
    const found = await ask(patient, '/apis/apps/v1/namespaces/traefik-system/deployments/wake', deployment)
    const available = found?.status.availableReplicas ?? 0
    if (found !== undefined && available >= found.spec.replicas)
      return [good(`wake runs, ${available} of ${found.spec.replicas}`)]
    if (found === undefined) return [bad('there is no Deployment traefik-system/wake: nobody is woken', APPLY)]
    const mend = 'kubectl -n traefik-system describe deployment wake'
    return [bad(`of ${found.spec.replicas} wake replicas ${available} are available`, mend)]
  },
}
