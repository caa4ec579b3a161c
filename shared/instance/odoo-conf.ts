// odoo.conf, rendered from tier, series and platform (odoo.md §1.7). No password is ever in it.
import { databaseOf, ports } from './names.ts'
import type { Platform } from './platform.ts'
import type { InstanceSpec } from './spec.ts'
import { tiers, workersOf } from './tiers.ts'
import { series } from './versions.ts'

const mebibyte = 1024 * 1024
/** Recycle a worker now and then against slow leaks; Odoo's default is eight times as patient. */
const limitRequest = 8192

type Line = readonly [key: string, value: string | number]

export function odooConf(spec: InstanceSpec, platform: Platform): string {
  const lines = [...files(spec), ...database(spec, platform), ...http(spec), ...resources(spec, platform)]
  return ['[options]', ...lines.map(([key, value]) => `${key} = ${value}`.trimEnd()), ''].join('\n')
}

function files(spec: InstanceSpec): readonly Line[] {
  const facts = series[spec.odooVersion]
  return [
    ['addons_path', '/mnt/extra-addons'],
    ['data_dir', '/var/lib/odoo'],
    ['server_wide_modules', facts.serverWideModules],
    facts.withoutDemo,
    // No `logfile`: stdout.
    ['log_level', 'info'],
  ]
}

function database(spec: InstanceSpec, platform: Platform): readonly Line[] {
  const tier = tiers[spec.tier]
  const facts = series[spec.odooVersion]
  const prefork = workersOf(spec.tier, platform.workersPolicy) > 0
  return [
    // Always: without it cron workers scan every database the role owns, and nothing is loaded before the first visit.
    ['db_name', databaseOf(spec.name)],
    // Empty on purpose: with a filter Odoo asks PostgreSQL for databases *owned by the tenant's role*, and there is none.
    ['dbfilter', ''],
    ['list_db', 'False'],
    // Empty: no master password matches (measured on 19). The default would be `admin`.
    ['admin_passwd', ''],
    // Host, port, user and password come from the PG* variables, which libpq reads in every series.
    ['db_sslmode', sslmodeOf(platform)],
    ['db_maxconn', tier.dbMaxconn],
    ...(prefork && facts.geventConnections ? [['db_maxconn_gevent', tier.dbMaxconnGevent] as const] : []),
  ]
}

/** The pooler listens inside the pod only and speaks TLS to PostgreSQL itself. */
function sslmodeOf(platform: Platform): string {
  return platform.pooler ? 'disable' : platform.postgres.sslmode
}

function http(spec: InstanceSpec): readonly Line[] {
  return [
    // True only because the network policy lets nobody but the front door in.
    ['proxy_mode', 'True'],
    // Said, because a later series listens on loopback alone unless told.
    ['http_interface', '0.0.0.0'],
    ['http_port', ports.http],
    [series[spec.odooVersion].geventPortKey, ports.websocket],
  ]
}

function resources(spec: InstanceSpec, platform: Platform): readonly Line[] {
  const tier = tiers[spec.tier]
  const workers = workersOf(spec.tier, platform.workersPolicy)
  return [
    ['workers', workers],
    ['max_cron_threads', tier.cronThreads],
    // Odoo's defaults. They count virtual memory, not what the container's limit counts, so they are the same in all
    // tiers: a hard limit below about 1.5 GB breaks wkhtmltopdf.
    ['limit_memory_soft', 2048 * mebibyte],
    ['limit_memory_hard', 2560 * mebibyte],
    ...(workers > 0 && series[spec.odooVersion].geventMemory
      ? ([
          ['limit_memory_soft_gevent', 1536 * mebibyte],
          ['limit_memory_hard_gevent', 2048 * mebibyte],
        ] as const)
      : []),
    ['limit_time_cpu', tier.limitTimeCpuSeconds],
    ['limit_time_real', tier.limitTimeRealSeconds],
    ['limit_time_real_cron', tier.limitTimeRealCronSeconds],
    ['limit_request', limitRequest],
  ]
}
