// The way in. By the front door unless the tier never sleeps (`route: direct`): then only what must stay closed goes there.
import type { HTTPIngressPath, Ingress, IngressRule } from 'kubernetes-types/networking/v1.js'
import { objectNames, ports, deploymentOf } from './names.ts'
import { metadataOf, type Desired } from './object.ts'
import type { Platform } from './platform.ts'
import { customHostsOf, hostsOf, type InstanceSpec } from './spec.ts'
import { wakingPort } from './waking-service.ts'

/** One for the platform's hosts; a second one for custom hosts where those get certificates of their own. */
export function ingresses(spec: InstanceSpec, platform: Platform): readonly Desired<Ingress>[] {
  const issuer = platform.ingress.customHostsIssuer
  const custom = issuer === undefined ? [] : customHostsOf(spec, platform)
  const platformHosts = hostsOf(spec, platform).filter((host) => !custom.includes(host))
  return [
    ingress(spec, platform, objectNames.ingress, platformHosts),
    ...(issuer === undefined || custom.length === 0 ? [] : [withCertificate(spec, platform, custom, issuer)]),
  ]
}

function ingress(
  spec: InstanceSpec,
  platform: Platform,
  name: string,
  hosts: readonly string[],
): Desired<Ingress> & { spec: object } {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: metadataOf(spec, name, traefikAnnotations(platform)),
    spec: {
      ingressClassName: platform.ingress.className,
      rules: hosts.map((host): IngressRule => ({ host, http: { paths: pathsOf(spec) } })),
    },
  }
}

function withCertificate(
  spec: InstanceSpec,
  platform: Platform,
  hosts: readonly string[],
  issuer: string,
): Desired<Ingress> {
  const plain = ingress(spec, platform, objectNames.customHostsIngress, hosts)
  return {
    ...plain,
    metadata: {
      ...plain.metadata,
      annotations: { ...plain.metadata.annotations, 'cert-manager.io/cluster-issuer': issuer },
    },
    spec: { ...plain.spec, tls: [{ hosts: [...hosts], secretName: `${objectNames.customHostsIngress}-tls` }] },
  }
}

/** Without a `tls` section Traefik answers with its default certificate, the wildcard: no copy of it in each namespace. */
function traefikAnnotations({ ingress: { tls, middlewares } }: Platform): Record<string, string> {
  return {
    'traefik.ingress.kubernetes.io/router.entrypoints': tls ? 'websecure' : 'web',
    ...(tls && { 'traefik.ingress.kubernetes.io/router.tls': 'true' }),
    ...(middlewares.length > 0 && {
      'traefik.ingress.kubernetes.io/router.middlewares': middlewares.join(','),
    }),
  }
}

function pathsOf(spec: InstanceSpec): HTTPIngressPath[] {
  // The front door knows the WebSocket paths of each series itself; one router per host is enough. Only it has the page of
  // an instance that may not be used.
  if (spec.route === 'waking' || spec.status !== 'active') return [path('/', objectNames.wakingService, wakingPort)]
  const odoo = deploymentOf(spec.name)
  return [
    // From 16 on; up to 15 it was /longpolling. Both for all: harmless, and one thing less to follow the version.
    path('/websocket', odoo, ports.websocket),
    path('/longpolling', odoo, ports.websocket),
    // The database manager answers 200 even when it is disabled. The front door closes it (CLOSE_DATABASE_MANAGER).
    path('/web/database', objectNames.wakingService, wakingPort),
    path('/', odoo, ports.http),
  ]
}

function path(prefix: string, name: string, port: number): HTTPIngressPath {
  return { path: prefix, pathType: 'Prefix', backend: { service: { name, port: { number: port } } } }
}
