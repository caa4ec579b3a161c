import type { Namespace } from 'kubernetes-types/core/v1.js'
import { annotationKeys, labelsOf, namespaceOf } from './names.ts'
import type { Desired } from './object.ts'
import { writeSpec, type InstanceSpec } from './spec.ts'

/**
 * Remembers what the instance should be (`platxa.io/spec`) and how far that is true (`platxa.io/revision`): `applied`, or
 * nothing while it is being made for the first time.
 */
export function namespace(spec: InstanceSpec, applied: number | 'nothing' = spec.revision): Desired<Namespace> {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespaceOf(spec.name),
      labels: {
        ...labelsOf(spec),
        // Tenants may run code of their own; the API server itself refuses any pod that could do more than that.
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
        'pod-security.kubernetes.io/audit': 'restricted',
      },
      annotations: {
        [annotationKeys.spec]: writeSpec(spec),
        ...(applied !== 'nothing' && { [annotationKeys.revision]: String(applied) }),
      },
    },
  }
}
