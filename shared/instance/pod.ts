// The pod of an instance: one Odoo container and, by setting, its pooler. Passes Pod Security "restricted".
import type { Container, EnvVar, PodSpec, ResourceRequirements, SecurityContext } from 'kubernetes-types/core/v1.js'
import { objectNames, ports } from './names.ts'
import { imageOf, type Platform } from './platform.ts'
import { podVolumes, volumeMounts } from './pod-volumes.ts'
import { poolerAddress, poolerContainer } from './pooler.ts'
import { probes } from './probes.ts'
import { cpu, mebibytes } from './quantity.ts'
import type { InstanceSpec } from './spec.ts'
import { tiers } from './tiers.ts'
import { series } from './versions.ts'

export const odooContainer = 'odoo'

const locked: SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  privileged: false,
  readOnlyRootFilesystem: true,
}

export function podSpec(spec: InstanceSpec, platform: Platform): PodSpec {
  const { uid, gid } = series[spec.odooVersion]
  return {
    // Tenants may run Python of their own: no token to talk to the API server with.
    automountServiceAccountToken: false,
    // The image's entrypoint still believes docker links, which look just like service links (DB_PORT_5432_TCP_ADDR).
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: gid,
      fsGroup: gid,
      // Not on every wake: a large filestore would take minutes.
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationGracePeriodSeconds: tiers[spec.tier].terminationGraceSeconds,
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            preference: { matchExpressions: [{ key: 'platxa.io/pool', operator: 'In', values: ['instances'] }] },
          },
        ],
      },
    },
    ...(platform.pooler && { initContainers: [poolerContainer(platform.pooler.image, locked)] }),
    containers: [odoo(spec, platform)],
    volumes: podVolumes(platform),
  }
}

function odoo(spec: InstanceSpec, platform: Platform): Container {
  return {
    name: odooContainer,
    image: imageOf(platform, spec.odooVersion),
    // Odoo itself, not the image's entrypoint: up to 18 that one passes the password as an argument, for `ps` to show.
    command: ['odoo'],
    env: environment(platform),
    ports: [
      { name: 'http', containerPort: ports.http, protocol: 'TCP' },
      { name: 'websocket', containerPort: ports.websocket, protocol: 'TCP' },
    ],
    resources: resourcesOf(spec),
    // Must be there from the start: an awake instance gets more cpu or memory without a restart.
    resizePolicy: [
      { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      { resourceName: 'memory', restartPolicy: 'NotRequired' },
    ],
    securityContext: locked,
    // The last lines of its log, where it ends by a fault: so the loading page can tell a database from an add-on.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...probes(spec),
    volumeMounts,
  }
}

/** No ODOO_MAX_HTTP_THREADS: in a threaded Odoo each open WebSocket would hold one of them. */
function environment(platform: Platform): EnvVar[] {
  const { rootCertificate } = platform.postgres
  return [
    { name: 'ODOO_RC', value: '/etc/odoo/odoo.conf' },
    platform.pooler ? { name: 'PGHOST', value: poolerAddress.host } : fromSecret('PGHOST'),
    platform.pooler ? { name: 'PGPORT', value: String(poolerAddress.port) } : fromSecret('PGPORT'),
    fromSecret('PGUSER'),
    fromSecret('PGPASSWORD'),
    fromSecret('PGDATABASE'),
    ...(rootCertificate !== undefined && !platform.pooler
      ? [{ name: 'PGSSLROOTCERT', value: '/etc/odoo/postgres-ca.crt' }]
      : []),
    // Fewer malloc arenas, less virtual memory, which is what Odoo's limits count.
    { name: 'MALLOC_ARENA_MAX', value: '2' },
  ]
}

function fromSecret(key: string): EnvVar {
  return { name: key, valueFrom: { secretKeyRef: { name: objectNames.secret, key } } }
}

/** Of the container `odoo`: what a larger or smaller tier changes of a running pod. */
export function resourcesOf(spec: InstanceSpec): ResourceRequirements {
  const tier = tiers[spec.tier]
  const memory = mebibytes(tier.memoryMi)
  return {
    requests: { cpu: cpu(tier.cpuRequestMillis), memory },
    limits: { cpu: cpu(tier.cpuLimitMillis), memory },
  }
}
