import type { Namespace } from 'kubernetes-types/core/v1.js'
import { annotationKeys, labelsOf, namespaceOf } from './names.ts'
import type { Desired } from './object.ts'
import { writeSpec, type InstanceSpec } from './spec.ts'

/** Remembers what was last applied: `platxa.io/spec` and `platxa.io/revision`. */
export function namespace(spec: InstanceSpec): Desired<Namespace> {
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
        [annotationKeys.revision]: String(spec.revision),
      },
    },
  }
}
