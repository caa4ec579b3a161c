// Lets the Odoo of this machine fill a template, by the same files that the Job of manifests/ runs in Odoo's image.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { spawn } from 'node:child_process'
import type { OdooVersion } from '#shared/instance/versions.ts'
import type { BuildAccess } from '#shared/postgres/template.ts'
import { templateFiles } from '#shared/template/files.ts'
import type { RealOdoo } from './obtain.ts'
import { inRoot } from './program.ts'

export class OdooFailed extends Error {
  override readonly name = 'OdooFailed'
}

export interface BuildOptions {
  readonly odoo: RealOdoo
  readonly version: OdooVersion
  readonly modules: readonly string[]
  readonly tell: (detail: string) => void
}

const LAST_LINES = 20
/** Where a root file system has the folder. */
const INSIDE = '/template'

export async function buildTemplate(options: BuildOptions, access: BuildAccess, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'odoo-template-'))
  try {
    const { file, args, env } = await programIn(folder, options, access)
    await runOdoo(file, args, { env, signal, tell: options.tell })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function programIn(folder: string, { odoo, version, modules }: BuildOptions, access: BuildAccess) {
  const seen = odoo.from === 'root' ? INSIDE : join(folder, 'template')
  const build = { access, sslmode: 'disable', version, modules, folder: seen }
  for (const name of ['template', 'tmp', 'bin']) await mkdir(join(folder, name))
  for (const [name, text] of Object.entries(templateFiles(build))) {
    await writeFile(join(folder, 'template', name), text, { mode: 0o600 })
  }
  if (odoo.from === 'root') {
    const volumeMounts = ['template', 'tmp'].map((name) => ({ name, mountPath: `/${name}` }))
    return inRoot(odoo.root, ['sh', `${INSIDE}/build.sh`], { volumeMounts }, { root: folder, podIP: '' })
  }
  const command = join(folder, 'bin', 'odoo')
  await writeFile(command, `#!/bin/sh\nexec ${[odoo.bin, '"$@"', ...odoo.args].join(' ')}\n`)
  await chmod(command, 0o755)
  const env = { ...process.env, PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter) }
  return { file: 'sh', args: [join(seen, 'build.sh')], env }
}

interface Running {
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  readonly tell: (detail: string) => void
}

function runOdoo(file: string, args: readonly string[], { env, signal, tell }: Running): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(file, args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
    const last: string[] = []
    const hear = (line: string): void => {
      last.splice(0, Math.max(0, last.push(line) - LAST_LINES))
      const said = progressOf(line)
      if (said !== undefined) tell(said)
    }
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', hear)
    child.once('error', (error) => fail(new OdooFailed(`Odoo cannot be started: ${error.message}`, { cause: error })))
    child.once('close', (code) => {
      if (code === 0) done()
      else fail(new OdooFailed(`Odoo could not make the template (${code}): ${reasonIn(last)}`))
    })
  })
}

/** What Python was unable to do, without the way that led there. Lines of the log begin with their time. */
function reasonIn(lines: readonly string[]): string {
  const from = lines.findLastIndex((line) => /^[A-Za-z][\w.]*: /.test(line))
  if (from < 0) return `its last lines:\n${lines.join('\n')}`
  const length = lines.slice(from).findIndex((line) => /^\d{4}-/.test(line))
  return lines.slice(from, length < 0 ? undefined : from + length).join('\n')
}

/** Of Odoo's log: which module it is at, and when the bundles begin. */
function progressOf(line: string): string | undefined {
  const loading = /Loading module (\S+) \((\d+)\/(\d+)\)/.exec(line)
  if (loading) return `module ${loading[1]}, ${loading[2]} of ${loading[3]}`
  return /Generating (?:a new )?asset/i.test(line) ? 'compiling asset bundles' : undefined
}
