import type { LimitRange } from 'kubernetes-types/core/v1.js'
import { objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import { cpu, gibibytes, mebibytes } from './quantity.ts'
import type { InstanceSpec } from './spec.ts'
import { jobEnvelope, tiers } from './tiers.ts'

/** Defaults are a must: under a cpu and memory quota a container that states nothing is refused. */
export function limitRange(spec: InstanceSpec): Desired<LimitRange> {
  const tier = tiers[spec.tier]
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: metadataOf(spec, objectNames.limits),
    spec: {
      limits: [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '256Mi' },
          defaultRequest: { cpu: '50m', memory: '128Mi' },
          min: { cpu: '10m', memory: '16Mi' },
          // In-place resizes are checked against this too, so on the way up it moves before the pod.
          max: {
            cpu: cpu(Math.max(tier.cpuLimitMillis, jobEnvelope.cpuLimitMillis)),
            memory: mebibytes(Math.max(tier.memoryMi, jobEnvelope.memoryLimitMi)),
          },
        },
        {
          type: 'PersistentVolumeClaim',
          min: { storage: '1Gi' },
          max: { storage: gibibytes(Math.max(tier.addonsGi, tier.filestoreGi)) },
        },
      ],
    },
  }
}
