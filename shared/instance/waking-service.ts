import type { Service } from 'kubernetes-types/core/v1.js'
import { objectNames } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import type { InstanceSpec } from './spec.ts'

/** Port of the Service `waking-service` in front of wake (manifests/base/wake-services.yaml). */
export const wakingPort = 8080

/** The front door under a local name, because an Ingress can only name Services of its own namespace. */
export function wakingService(spec: InstanceSpec, platform: Platform): Desired<Service> {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(spec, objectNames.wakingService),
    spec: {
      type: 'ExternalName',
      externalName: `${objectNames.wakingService}.${platform.wakeNamespace}.svc.${platform.clusterDomain}`,
      // Traefik wants a port and dials exactly this one: an ExternalName does not map ports.
      ports: [{ name: 'http', protocol: 'TCP', port: wakingPort, targetPort: wakingPort }],
    },
  }
}
