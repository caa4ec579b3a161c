// Never `replicas` in it: server-side apply then leaves the count to wake and sleep, who move it by the scale
// subresource. A new Deployment starts with Kubernetes' default of 1, which is the first boot.
import type { Deployment } from 'kubernetes-types/apps/v1.js'
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js'
import { configFiles } from './config-map.ts'
import { fingerprint } from './fingerprint.ts'
import { annotationKeys, deploymentOf, labelKeys, labelsOf, selectorOf } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import { podSpec } from './pod.ts'
import { hostsOf, type InstanceSecrets, type InstanceSpec } from './spec.ts'
import { workersOf } from './tiers.ts'

export function deployment(spec: InstanceSpec, platform: Platform, secrets: InstanceSecrets): Desired<Deployment> {
  const metadata = metadataOf(spec, deploymentOf(spec.name), {
    [annotationKeys.hosts]: hostsOf(spec, platform).join(','),
    [annotationKeys.odooVersion]: spec.odooVersion,
    [annotationKeys.workers]: String(workersOf(spec.tier, platform.workersPolicy)),
  })
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, labels: podLabels(spec) },
    spec: {
      // The volumes attach to one node, sessions are local files, and two servers on one database is unsafe.
      strategy: { type: 'Recreate' },
      revisionHistoryLimit: 2,
      selector: { matchLabels: selectorOf(spec.name) },
      template: podTemplate(spec, platform, secrets),
    },
  }
}

function podTemplate(spec: InstanceSpec, platform: Platform, secrets: InstanceSecrets): PodTemplateSpec {
  return {
    metadata: {
      labels: podLabels(spec),
      annotations: { [annotationKeys.configHash]: configHash(spec, platform, secrets) },
    },
    spec: podSpec(spec, platform),
  }
}

/** Restarts the pod with every change of its files or of the password, which it reads only once. */
function configHash(spec: InstanceSpec, platform: Platform, { version = 1 }: InstanceSecrets): string {
  const files = Object.entries(configFiles(spec, platform)).flat()
  return fingerprint(...files, String(version))
}

function podLabels(spec: InstanceSpec): Record<string, string> {
  return { ...labelsOf(spec), [labelKeys.app]: 'odoo' }
}
