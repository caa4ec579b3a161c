import type { ResourceQuota } from 'kubernetes-types/core/v1.js'
import { objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import { cpu, gibibytes, mebibytes } from './quantity.ts'
import type { InstanceSpec } from './spec.ts'
import { jobEnvelope, poolerEnvelope, tiers } from './tiers.ts'

const nobody = { cpuRequestMillis: 0, cpuLimitMillis: 0, memoryRequestMi: 0, memoryLimitMi: 0 }

/**
 * Admits exactly one Odoo pod with its pooler and one maintenance Job. One pod is enough, because Recreate waits until
 * the old one is gone (a terminating pod still counts).
 */
export function resourceQuota(spec: InstanceSpec, platform: Platform): Desired<ResourceQuota> {
  const tier = tiers[spec.tier]
  const pooler = platform.pooler ? poolerEnvelope : nobody
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: metadataOf(spec, objectNames.quota),
    spec: {
      hard: {
        'requests.cpu': cpu(tier.cpuRequestMillis + jobEnvelope.cpuRequestMillis + pooler.cpuRequestMillis),
        'limits.cpu': cpu(tier.cpuLimitMillis + jobEnvelope.cpuLimitMillis + pooler.cpuLimitMillis),
        'requests.memory': mebibytes(tier.memoryMi + jobEnvelope.memoryRequestMi + pooler.memoryRequestMi),
        'limits.memory': mebibytes(tier.memoryMi + jobEnvelope.memoryLimitMi + pooler.memoryLimitMi),
        pods: '3',
        // A second volume of the filestore's size is for a restore beside the running one.
        persistentvolumeclaims: '3',
        'requests.storage': gibibytes(tier.addonsGi + 2 * tier.filestoreGi),
        services: '3',
        // Nothing of a tenant is reachable but through the ingress: enforced here, not promised.
        'services.nodeports': '0',
        'services.loadbalancers': '0',
        secrets: '6',
        // Kubernetes itself puts `kube-root-ca.crt` into every namespace.
        configmaps: '4',
        'count/deployments.apps': '1',
        'count/jobs.batch': '3',
        'count/ingresses.networking.k8s.io': '3',
      },
    },
  }
}
