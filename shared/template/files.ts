// How Odoo itself fills a template, as files in one folder: `sh build.sh` with `odoo` on PATH does it all. The Job of
// manifests/ runs it in Odoo's image, the local world with the Odoo of this machine. Pure.
import type { BuildAccess } from '#shared/postgres/template.ts'
import { series, type OdooVersion } from '#shared/instance/versions.ts'

export interface TemplateBuild {
  readonly access: BuildAccess
  readonly sslmode: string
  readonly version: OdooVersion
  readonly modules: readonly string[]
  /** The folder as Odoo sees it. */
  readonly folder: string
}

/** Written when all is done; `odoo shell` ends with 0 even when what it was given threw. */
const FURNISHED = 'furnished'

/** Compiled ahead: the first visitor of a clone would otherwise wait for them, five to eight seconds. */
export const BUNDLES = [
  'web.assets_web',
  'web.assets_web_print',
  'web.assets_web_dark',
  'web.assets_backend_lazy',
  'web.assets_frontend',
  'web.assets_frontend_minimal',
  'web.assets_frontend_lazy',
  'bus.websocket_worker_assets',
] as const

export function templateFiles(build: TemplateBuild): Readonly<Record<string, string>> {
  return { 'odoo.conf': conf(build), 'build.sh': script(build), 'furnish.py': furnish() }
}

function conf({ access, sslmode, version, folder }: TemplateBuild): string {
  const { host, port, user, password, database } = access
  const lines = [
    ['db_host', host],
    ['db_port', port],
    ['db_user', user],
    ['db_password', password],
    ['db_name', database],
    ['db_sslmode', sslmode],
    ['data_dir', `${folder}/data`],
    ['list_db', 'False'],
    ['max_cron_threads', 0],
    ['server_wide_modules', series[version].serverWideModules],
    series[version].withoutDemo,
  ]
  return ['[options]', ...lines.map(([key, value]) => `${key} = ${value}`), ''].join('\n')
}

function script({ modules, folder }: TemplateBuild): string {
  return [
    'set -eu',
    `export ODOO_RC=${folder}/odoo.conf`,
    `mkdir -p ${folder}/data`,
    `odoo --init=${modules.join(',')} --stop-after-init`,
    // A second process, so that what is asked next is asked of a database that a start has loaded.
    `cd ${folder} && odoo shell --no-http < furnish.py`,
    `[ -e ${FURNISHED} ]`,
    '',
  ].join('\n')
}

/**
 * Files go into the database, so that a clone needs none. Nobody can sign in: a password is what a clone sets. Compiled
 * bundles are attachments like others.
 */
function furnish(): string {
  return `env['ir.config_parameter'].set_param('ir_attachment.location', 'db')
env['ir.attachment'].force_storage()
for name in ${JSON.stringify(BUNDLES)}:
    bundle = env['ir.qweb']._get_asset_bundle(name, css=True, js=True)
    if bundle.stylesheets:
        bundle.css()
    if bundle.javascripts:
        bundle.js()
env.cr.execute("UPDATE res_users SET password = NULL")
env.cr.commit()
open('${FURNISHED}', 'w').close()
`
}
