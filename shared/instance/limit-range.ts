import type { LimitRange } from 'kubernetes-types/core/v1.js'
import { objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import { bytesOf, cpu, gibibytes, mebibytes } from './quantity.ts'
import type { InstanceSpec } from './spec.ts'
import { jobEnvelope, tiers } from './tiers.ts'
import type { Storage } from './volume-claims.ts'

/** Defaults are a must: under a cpu and memory quota a container that states nothing is refused. */
export function limitRange(spec: InstanceSpec, storageToday: Storage = {}): Desired<LimitRange> {
  const tier = tiers[spec.tier]
  // A volume keeps what it has in a smaller tier, and each write to its claim is held against this.
  const sizes = [gibibytes(Math.max(tier.addonsGi, tier.filestoreGi)), ...Object.values(storageToday)]
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
          max: { storage: largest(sizes) },
        },
      ],
    },
  }
}

function largest(sizes: readonly string[]): string {
  return sizes.reduce((most, size) => ((bytesOf(size) ?? 0) > (bytesOf(most) ?? 0) ? size : most))
}
