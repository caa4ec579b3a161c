// The template database made by a real Odoo (ODOO_BIN): its modules installed, its asset bundles compiled, all of it kept
// inside the database, so that a clone needs no files and its first visitor waits for nothing.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BuildAccess } from '#shared/postgres/template.ts'

export interface RealOdoo {
  readonly bin: string
  /** The user's own, for example `--addons-path=…`. */
  readonly args: readonly string[]
}

export class OdooFailed extends Error {
  override readonly name = 'OdooFailed'
}

const MODULES = 'base,web,bus,mail'
const LAST_LINES = 20

/** Bundles that Odoo would otherwise compile while the first visitor waits, five to eight seconds. */
const FURNISH = `
env['ir.config_parameter'].set_param('ir_attachment.location', 'db')
env['ir.attachment'].force_storage()
for name in ('web.assets_web', 'web.assets_web_print', 'web.assets_web_dark', 'web.assets_frontend',
             'web.assets_frontend_minimal', 'web.assets_frontend_lazy'):
    bundle = env['ir.qweb']._get_asset_bundle(name, css=True, js=True)
    bundle.css()
    bundle.js()
env.cr.commit()
`

export async function buildByOdoo(
  { bin, args }: RealOdoo,
  access: BuildAccess,
  { tell, signal }: { readonly tell: (detail: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'odoo-template-'))
  const env = {
    ...process.env,
    PGHOST: access.host,
    PGPORT: String(access.port),
    PGUSER: access.user,
    PGPASSWORD: access.password,
    PGSSLMODE: 'disable',
  }
  // No file of the user's: what is in ~/.odoorc belongs to another Odoo.
  const common = ['--config=/dev/null', `--database=${access.database}`, `--data-dir=${data}`, '--no-http']
  const run = (before: readonly string[], after: readonly string[], input = ''): Promise<void> =>
    runOdoo(bin, [...before, ...common, ...after, ...args], { env, input, signal })
  try {
    tell(`Odoo installs ${MODULES}`)
    await run([], [`--init=${MODULES}`, '--without-demo', '--stop-after-init'])
    tell('Odoo compiles its asset bundles')
    await run(['shell'], [], FURNISH)
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}

interface Running {
  readonly env: NodeJS.ProcessEnv
  readonly input: string
  readonly signal: AbortSignal
}

function runOdoo(bin: string, args: readonly string[], { env, input, signal }: Running): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(bin, args, { env, signal, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    const hear = (chunk: Buffer): void => void (said = (said + chunk.toString()).slice(-20_000))
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.stdin.on('error', () => {}).end(input)
    child.once('error', (error) => fail(new OdooFailed(`${bin}: ${error.message}`, { cause: error })))
    child.once('close', (code) => {
      const last = said.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
      if (code !== 0) fail(new OdooFailed(`${bin} ${args.join(' ')} ended with ${code}; its last lines:\n${last}`))
      // `odoo shell` ends with 0 even when the script it was given threw.
      else if (said.includes('\nTraceback (most recent call last)')) fail(new OdooFailed(`${bin}:\n${last}`))
      else done()
    })
  })
}
