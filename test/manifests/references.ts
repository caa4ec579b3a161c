// What the parts of a rendered overlay say of each other, and whether it is there.
import { z } from 'zod'
import type { Rendered } from './render.ts'

const labels = z.record(z.string(), z.string())
const template = z.object({
  metadata: z.object({ labels: labels.optional() }).optional(),
  spec: z.looseObject({
    serviceAccountName: z.string().optional(),
    containers: z.array(
      z.looseObject({
        ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() })).default([]),
        envFrom: z
          .array(
            z.looseObject({
              configMapRef: z.object({ name: z.string() }).optional(),
              secretRef: z.object({ name: z.string() }).optional(),
            }),
          )
          .default([]),
      }),
    ),
  }),
})
const workload = z.looseObject({ template })
const service = z.looseObject({
  selector: labels.optional(),
  ports: z.array(z.looseObject({ targetPort: z.union([z.string(), z.number()]).optional(), port: z.number() })),
})
const selecting = z.looseObject({ matchLabels: labels.optional() })

/** Not in any file: whoever installs makes them (README). */
const GIVEN = new Set(['Secret platxa/platxa-postgres'])

export function identityOf({ kind, metadata: { namespace, name } }: Pick<Rendered, 'kind' | 'metadata'>): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}

/** One sentence for each thing that is spoken of and not there. */
export function dangling(objects: readonly Rendered[]): readonly string[] {
  const known = new Set([...objects.map(identityOf), ...GIVEN])
  const pods = objects.flatMap((object) => {
    const parsed = workload.safeParse(object['spec']).data
    if (parsed === undefined || !/^(Deployment|StatefulSet|Service)$/.test(object.kind)) return []
    // Knative gives the pods of a Service this label.
    const own: Record<string, string> =
      object.kind === 'Service' ? { 'serving.knative.dev/service': object.metadata.name } : {}
    const found: Record<string, string> = { ...parsed.template.metadata?.labels, ...own }
    return [{ object, pod: parsed.template, labels: found }]
  })
  const selected = (namespace: string | undefined, wanted: Readonly<Record<string, string>>) =>
    pods.filter(
      (one) =>
        one.object.metadata.namespace === namespace &&
        Object.entries(wanted).every(([key, value]) => one.labels[key] === value),
    )
  const faults: string[] = []
  const expect = (holds: boolean, object: Rendered, what: string): void => {
    if (!holds) faults.push(`${identityOf(object)}: ${what}`)
  }
  for (const { object, pod } of pods) {
    const { namespace } = object.metadata
    const account = pod.spec.serviceAccountName
    expect(
      account === undefined || known.has(`ServiceAccount ${namespace}/${account}`),
      object,
      `no account ${account}`,
    )
    for (const { configMapRef, secretRef } of pod.spec.containers.flatMap(({ envFrom }) => envFrom)) {
      const wanted = configMapRef
        ? `ConfigMap ${namespace}/${configMapRef.name}`
        : `Secret ${namespace}/${secretRef?.name}`
      expect(known.has(wanted), object, `no ${wanted}`)
    }
  }
  for (const object of objects.filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Service')) {
    const { selector, ports } = service.parse(object['spec'])
    if (selector === undefined) continue
    const behind = selected(object.metadata.namespace, selector)
    expect(behind.length > 0, object, 'selects no pod')
    for (const { targetPort, port } of ports) {
      const open = behind.every(({ pod }) =>
        pod.spec.containers
          .flatMap(({ ports: declared }) => declared)
          .some(({ name, containerPort }) =>
            typeof targetPort === 'string' ? name === targetPort : containerPort === (targetPort ?? port),
          ),
      )
      expect(open, object, `no container listens on ${targetPort ?? port}`)
    }
  }
  for (const object of objects) {
    const spec = z
      .looseObject({ podSelector: selecting.optional(), selector: selecting.optional() })
      .safeParse(object['spec']).data
    const selector = object.kind === 'NetworkPolicy' ? spec?.podSelector : undefined
    const disruption = object.kind === 'PodDisruptionBudget' ? spec?.selector : undefined
    const wanted = (selector ?? disruption)?.matchLabels
    if (wanted !== undefined)
      expect(selected(object.metadata.namespace, wanted).length > 0, object, 'stands before no pod')
    if (object.kind === 'HorizontalPodAutoscaler') {
      const { kind, name } = z
        .object({ scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }) })
        .parse(spec).scaleTargetRef
      expect(known.has(`${kind} ${object.metadata.namespace}/${name}`), object, `no ${kind} ${name}`)
    }
    if (object.kind === 'RoleBinding' || object.kind === 'ClusterRoleBinding') {
      const { roleRef, subjects } = z
        .looseObject({
          roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
          subjects: z.array(z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().optional() })),
        })
        .parse(object)
      const role =
        roleRef.kind === 'Role' ? `Role ${object.metadata.namespace}/${roleRef.name}` : `ClusterRole ${roleRef.name}`
      expect(known.has(role), object, `no ${role}`)
      for (const { kind, namespace, name } of subjects.filter((one) => one.kind === 'ServiceAccount')) {
        expect(known.has(`${kind} ${namespace}/${name}`), object, `no ${kind} ${namespace}/${name}`)
      }
    }
  }
  return faults
}
