import type { NetworkPolicy } from 'kubernetes-types/networking/v1.js'
import { objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { InstanceSpec } from './spec.ts'

/** Both directions, every pod, no rule: what `odoo-instance-policy` does not allow does not happen. */
export function defaultDenyAll(spec: InstanceSpec): Desired<NetworkPolicy> {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(spec, objectNames.denyAll),
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  }
}
