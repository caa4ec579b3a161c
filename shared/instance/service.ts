import type { Service } from 'kubernetes-types/core/v1.js'
import { ports, selectorOf, deploymentOf } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import type { InstanceSpec } from './spec.ts'
import { workersOf } from './tiers.ts'

/**
 * Both ports in every tier. Only the target follows the tier: a threaded Odoo has nothing on its gevent port and
 * speaks WebSocket on 8069, a prefork one refuses WebSocket there. So nobody else has to know.
 */
export function service(spec: InstanceSpec, platform: Platform): Desired<Service> {
  const threaded = workersOf(spec.tier, platform.workersPolicy) === 0
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(spec, deploymentOf(spec.name)),
    spec: {
      type: 'ClusterIP',
      selector: selectorOf(spec.name),
      publishNotReadyAddresses: false,
      ports: [
        { name: 'http', protocol: 'TCP', port: ports.http, targetPort: ports.http },
        {
          name: 'websocket',
          protocol: 'TCP',
          port: ports.websocket,
          targetPort: threaded ? ports.http : ports.websocket,
        },
      ],
    },
  }
}
