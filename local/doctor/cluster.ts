// Checks of what the cluster itself must have.
import { compareVersions } from '#local/control-plane/pinned.ts'
import { z } from 'zod'
import { ask, listOf } from './ask.ts'
import { bad, type Check, type Finding, good, type Patient, unknown } from './finding.ts'

/** Knative's oldest, by its own words. */
const OLDEST_KUBERNETES = '1.34'
/** The functions themselves use nothing newer. */
const OLDEST_WITHOUT_KNATIVE = '1.33'
/** The API server tells its time in whole seconds. */
const TOLERATED_SKEW_MS = 5_000

export const kubernetesVersion: Check = {
  name: 'Kubernetes',
  beforeInstall: true,
  clusterOnly: false,
  async look(patient) {
    const version = await ask(patient, '/version', z.looseObject({ gitVersion: z.string() }))
    const found = version?.gitVersion.replace(/^v/, '') ?? 'of no version'
    const oldest = patient.isLocalWorld ? OLDEST_WITHOUT_KNATIVE : OLDEST_KUBERNETES
    if (compareVersions(found, oldest) >= 0) return [good(`Kubernetes ${found}`)]
    return [bad(`Kubernetes ${found} is too old for Knative`, `upgrade the cluster to ${oldest} or newer`)]
  },
}

export const clock: Check = {
  name: 'clock',
  beforeInstall: true,
  clusterOnly: false,
  async look({ kubernetes, now, signal }) {
    const written = z.looseObject({ metadata: z.looseObject({ creationTimestamp: z.string() }) })
    const started = now()
    // Made up by the API server and thrown away: the only place where it says what time it has.
    const answer = await kubernetes.request<unknown>('POST', '/api/v1/namespaces/default/configmaps', {
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'what-time-is-it-' } },
      query: { dryRun: 'All' },
      signal,
    })
    const there = Temporal.Instant.from(written.parse(answer).metadata.creationTimestamp)
    const behind = started.since(there).total('milliseconds') - 1_000
    const ahead = there.since(now()).total('milliseconds')
    const skew = Math.max(behind, ahead)
    if (skew <= TOLERATED_SKEW_MS) return [good('the clock of the API server agrees with the one here')]
    const seconds = Math.round(skew / 1000)
    return [
      bad(
        `the clock of the API server and the one here are ${seconds} s apart`,
        'let both follow the same NTP server: events expire and certificates count by it',
      ),
    ]
  },
}

interface Definition {
  readonly group: string
  readonly version: string
  readonly resources: readonly string[]
  readonly from: string
}

const definitions: readonly Definition[] = [
  {
    group: 'serving.knative.dev',
    version: 'v1',
    resources: ['services'],
    from: 'Knative Serving (https://knative.dev/docs/install)',
  },
  {
    group: 'eventing.knative.dev',
    version: 'v1',
    resources: ['brokers', 'triggers'],
    from: 'Knative Eventing (https://knative.dev/docs/install)',
  },
  {
    group: 'eventing.knative.dev',
    version: 'v1beta3',
    resources: ['eventtypes'],
    from: 'a newer Knative Eventing (https://knative.dev/docs/install)',
  },
  {
    group: 'sources.knative.dev',
    version: 'v1',
    resources: ['pingsources'],
    from: 'Knative Eventing (https://knative.dev/docs/install)',
  },
  {
    group: 'traefik.io',
    version: 'v1alpha1',
    resources: ['middlewares', 'ingressroutes', 'tlsstores', 'tlsoptions'],
    from: 'Traefik’s definitions: kubectl apply -f https://raw.githubusercontent.com/traefik/traefik/v3.7/docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml',
  },
  {
    group: 'cert-manager.io',
    version: 'v1',
    resources: ['certificates', 'issuers', 'clusterissuers'],
    from: 'cert-manager (https://cert-manager.io/docs/installation)',
  },
]

export const customDefinitions: Check = {
  name: 'definitions',
  beforeInstall: true,
  clusterOnly: true,
  async look(patient) {
    const findings = await Promise.all(definitions.map((one) => lookFor(patient, one)))
    return findings
  },
}

async function lookFor(patient: Patient, { group, version, resources, from }: Definition): Promise<Finding> {
  const names = listOfNames(await ask(patient, `/apis/${group}/${version}`, resourceList))
  const missing = resources.filter((name) => !names.includes(name))
  if (missing.length === 0) return good(`${group}/${version} has ${resources.join(', ')}`)
  return bad(`the cluster does not know ${missing.join(', ')} of ${group}/${version}`, `install ${from}`)
}

const resourceList = z.looseObject({ resources: z.array(z.looseObject({ name: z.string() })) })
function listOfNames(list: z.output<typeof resourceList> | undefined): readonly string[] {
  return (list?.resources ?? []).map(({ name }) => name)
}

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'
const storageClass = z.looseObject({
  metadata: z.looseObject({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
})

export const storage: Check = {
  name: 'storage class',
  beforeInstall: true,
  clusterOnly: false,
  async look(patient) {
    const found = await ask(patient, '/apis/storage.k8s.io/v1/storageclasses', listOf(storageClass))
    const classes = found?.items ?? []
    const wanted = patient.settings['STORAGE_CLASS'] ?? ''
    const names = classes.map(({ metadata }) => metadata.name)
    if (wanted !== '') {
      if (names.includes(wanted)) return [good(`volumes of instances are of the class ${wanted}`)]
      const mend = `set STORAGE_CLASS in ConfigMap platxa/platxa-functions to one of: ${names.join(', ') || 'none is there'}`
      return [bad(`there is no StorageClass ${wanted}: volumes of instances stay pending`, mend)]
    }
    const defaults = classes.filter(({ metadata }) => metadata.annotations[DEFAULT_CLASS] === 'true')
    if (defaults.length === 1)
      return [good(`volumes of instances are of the default class ${defaults[0]?.metadata.name}`)]
    if (defaults.length > 1) {
      return [
        unknown('there are several default StorageClasses, the newest counts', 'set STORAGE_CLASS to the one you mean'),
      ]
    }
    const mend = `kubectl annotate storageclass ${names[0] ?? 'NAME'} ${DEFAULT_CLASS}=true, or set STORAGE_CLASS`
    return [bad('there is no default StorageClass and STORAGE_CLASS is not set: volumes stay pending', mend)]
  },
}
