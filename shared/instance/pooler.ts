// A session-mode PgBouncer inside each pod (odoo.md §1.13, facts 11 and 12). Odoo opens a database named `postgres` for
// its bus and cron notifications, which all tenants would share; here that name leads to the tenant's own database.
import type { Container } from 'kubernetes-types/core/v1.js'
import { databaseOf } from './names.ts'
import type { Platform } from './platform.ts'
import { cpu, mebibytes } from './quantity.ts'
import type { InstanceSpec } from './spec.ts'
import { poolerEnvelope, tiers } from './tiers.ts'

/** Where Odoo finds it; nobody outside of the pod can. */
export const poolerAddress = { host: '127.0.0.1', port: 6432 } as const

const directory = '/etc/pgbouncer'
const caFile = `${directory}/postgres-ca.crt`

export function pgbouncerIni(spec: InstanceSpec, platform: Platform): string {
  const { host, port, sslmode, rootCertificate } = platform.postgres
  const database = databaseOf(spec.name)
  const way = `host=${quoted(host)} port=${port} dbname=${database}`
  const connections = tiers[spec.tier].connectionLimit
  return [
    '[databases]',
    `${database} = ${way}`,
    `postgres = ${way}`,
    '',
    '[pgbouncer]',
    `listen_addr = ${poolerAddress.host}`,
    `listen_port = ${poolerAddress.port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${directory}/userlist.txt`,
    // LISTEN does not survive any other mode.
    'pool_mode = session',
    `max_client_conn = ${connections}`,
    `default_pool_size = ${connections}`,
    // Over both names: an idle connection of one makes room for the other, because the role's limit counts them all.
    `max_user_connections = ${connections}`,
    // Give connections back soon: each counts against the limit of the role.
    'server_idle_timeout = 60',
    // Try again every second when PostgreSQL was away; the default keeps refusing for 15.
    'server_login_retry = 1',
    `server_tls_sslmode = ${sslmode}`,
    ...(rootCertificate === undefined ? [] : [`server_tls_ca_file = ${caFile}`]),
    'ignore_startup_parameters = extra_float_digits',
    'log_connections = 0',
    'log_disconnections = 0',
    '',
  ].join('\n')
}

/** PgBouncer's own file of passwords. It needs the clear one, to log in at both ends; hence in the Secret. */
export function userlist(role: string, password: string): string {
  return `${[role, password].map((text) => `"${text.replaceAll('"', '""')}"`).join(' ')}\n`
}

/**
 * A native sidecar: there before Odoo starts, gone after it ended. No startup probe, because the kubelet would let Odoo
 * wait up to a second for it, and PgBouncer listens within milliseconds.
 */
export function poolerContainer(image: string, securityContext: Container['securityContext'] & object): Container {
  return {
    name: 'pooler',
    image,
    command: ['pgbouncer', `${directory}/pgbouncer.ini`],
    restartPolicy: 'Always',
    securityContext,
    resources: {
      requests: { cpu: cpu(poolerEnvelope.cpuRequestMillis), memory: mebibytes(poolerEnvelope.memoryRequestMi) },
      limits: { cpu: cpu(poolerEnvelope.cpuLimitMillis), memory: mebibytes(poolerEnvelope.memoryLimitMi) },
    },
    volumeMounts: [{ name: 'pooler', mountPath: directory, readOnly: true }],
  }
}

function quoted(text: string): string {
  return /^[-.:\w]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`
}
