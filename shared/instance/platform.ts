// The settings of one installation that shape every instance, parsed from the ConfigMap `platxa-functions`.
import { z } from 'zod'
import { workersPolicy, type WorkersPolicy } from './tiers.ts'
import type { OdooVersion } from './versions.ts'

export interface Platform {
  /** Instances live at `{name}.{baseDomain}`. */
  readonly baseDomain: string
  /** Public address of a host, with the placeholder `{host}`, such as `https://{host}`. */
  readonly publicUrl: string
  /** Image of Odoo, with the placeholder `{version}`, such as `odoo:{version}.0`. */
  readonly odooImage: string
  /** Undefined = the cluster's default. */
  readonly storageClass: string | undefined
  readonly postgres: {
    readonly host: string
    readonly port: number
    readonly sslmode: SslMode
    /** PEM of the authority, for verify-ca and verify-full. */
    readonly rootCertificate: string | undefined
    /** Who may be dialled: pods of the cluster, or addresses of a database outside of it. */
    readonly peer: PostgresPeer
  }
  /** Session-mode PgBouncer beside each Odoo; undefined = Odoo dials PostgreSQL itself. */
  readonly pooler: { readonly image: string } | undefined
  readonly workersPolicy: WorkersPolicy
  readonly functionsNamespace: string
  readonly wakeNamespace: string
  readonly clusterDomain: string
  readonly ingress: {
    readonly className: string
    /** HTTPS with the default certificate of the ingress controller (the wildcard). */
    readonly tls: boolean
    /** cert-manager ClusterIssuer for custom hosts; undefined = they have no certificate of their own. */
    readonly customHostsIssuer: string | undefined
    /** Traefik middlewares, `{namespace}-{name}@kubernetescrd`. */
    readonly middlewares: readonly string[]
  }
  /** NodeLocal DNS cache at 169.254.20.10. */
  readonly nodeLocalDns: boolean
  /** Let instances reach the internet over IPv6 too. */
  readonly ipv6Egress: boolean
}

export type PostgresPeer =
  | { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }
  | { readonly cidrs: readonly string[] }

const sslMode = z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'])
export type SslMode = z.output<typeof sslMode>

const word = z.string().min(1)
/** ConfigMaps can't leave a value out in an overlay, so empty means "not set". */
const optional = z
  .string()
  .optional()
  .transform((text) => (text === '' ? undefined : text))
const onOff = z.enum(['on', 'off']).transform((text) => text === 'on')
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
const labels = word.transform((text, context) => {
  const pairs = text.split(',').map((pair) => pair.trim().split('='))
  if (pairs.some(([key, value, ...rest]) => !key || !value || rest.length > 0)) {
    context.addIssue('must look like key=value,key=value')
    return z.NEVER
  }
  return Object.fromEntries(pairs) as Record<string, string>
})

/** The environment variables behind `Platform`; `main.ts` gives them to `readEnv` and the result to `platformFrom`. */
export const platformVariables = z.object({
  BASE_DOMAIN: word,
  PUBLIC_URL: word.includes('{host}').default('https://{host}'),
  ODOO_IMAGE: word,
  STORAGE_CLASS: optional,
  PGHOST: word,
  PGPORT: z.coerce.number().int().min(1).max(65535).default(5432),
  PGSSLMODE: sslMode.default('require'),
  POSTGRES_CA: optional,
  POSTGRES_CIDRS: list,
  POSTGRES_NAMESPACE: word.default('postgres-system'),
  POSTGRES_POD_LABELS: labels.default({ 'app.kubernetes.io/name': 'postgres' }),
  POOLER: onOff.default(true),
  POOLER_IMAGE: word.default('platxa-pgbouncer'),
  WORKERS_POLICY: workersPolicy.default('fit'),
  FUNCTIONS_NAMESPACE: word.default('platxa'),
  WAKE_NAMESPACE: word.default('traefik-system'),
  CLUSTER_DOMAIN: word.default('cluster.local'),
  INGRESS_CLASS: word.default('traefik'),
  INGRESS_TLS: onOff.default(true),
  INGRESS_MIDDLEWARES: list,
  CUSTOM_HOSTS_ISSUER: optional,
  NODE_LOCAL_DNS: onOff.default(false),
  IPV6_EGRESS: onOff.default(false),
})

export function platformFrom(variables: z.output<typeof platformVariables>): Platform {
  const cidrs = variables.POSTGRES_CIDRS
  return {
    baseDomain: variables.BASE_DOMAIN,
    publicUrl: variables.PUBLIC_URL,
    odooImage: variables.ODOO_IMAGE,
    storageClass: variables.STORAGE_CLASS,
    postgres: {
      host: variables.PGHOST,
      port: variables.PGPORT,
      sslmode: variables.PGSSLMODE,
      rootCertificate: variables.POSTGRES_CA,
      peer:
        cidrs.length > 0
          ? { cidrs }
          : { namespace: variables.POSTGRES_NAMESPACE, labels: variables.POSTGRES_POD_LABELS },
    },
    pooler: variables.POOLER ? { image: variables.POOLER_IMAGE } : undefined,
    workersPolicy: variables.WORKERS_POLICY,
    functionsNamespace: variables.FUNCTIONS_NAMESPACE,
    wakeNamespace: variables.WAKE_NAMESPACE,
    clusterDomain: variables.CLUSTER_DOMAIN,
    ingress: {
      className: variables.INGRESS_CLASS,
      tls: variables.INGRESS_TLS,
      customHostsIssuer: variables.CUSTOM_HOSTS_ISSUER,
      middlewares: variables.INGRESS_MIDDLEWARES,
    },
    nodeLocalDns: variables.NODE_LOCAL_DNS,
    ipv6Egress: variables.IPV6_EGRESS,
  }
}

export function imageOf(platform: Platform, version: OdooVersion): string {
  return platform.odooImage.replaceAll('{version}', version)
}
