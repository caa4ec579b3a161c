// Building what `programs.ts` lists, once per content of its Go modules; kept outside of the repository.
import { execFile, spawn } from 'node:child_process'
import { access, constants, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { cacheFolder, fillOnce } from '#local/control-plane/cache.ts'

import { hashOf, type Module, modules } from './programs.ts'

const LAST_LINES = 8
/** Replaced in Traefik's dependencies: hundreds of vendors' libraries, for certificates that nobody asks for. */
const LEGO = 'github.com/go-acme/lego/v5'
const LEGO_PROVIDERS = 'providers/dns'

export interface BuildOptions {
  readonly tell: (detail: string) => void
  readonly signal: AbortSignal
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Folder with the programs of each module. */
export type Programs = Readonly<Record<Module['name'], string>>

export async function obtainPrograms(options: BuildOptions): Promise<Programs> {
  const folders: Partial<Record<Module['name'], string>> = {}
  for (const module of await modules()) folders[module.name] = await obtain(module, options)
  return folders as Programs
}

async function obtain(module: Module, { tell, signal, environment = process.env }: BuildOptions): Promise<string> {
  const folder = cacheFolder(`${module.name}-${await hashOf(module)}`, environment, 'cluster')
  const kept = () => isComplete(module, folder)
  if (await kept()) return folder
  await fillOnce(folder, kept, (temporary) => build(module, temporary, { tell, signal, environment }), tell, signal)
  return folder
}

async function isComplete({ programs }: Module, folder: string): Promise<boolean> {
  const there = programs.map(({ name }) => access(join(folder, name), constants.X_OK))
  return await Promise.all(there).then(
    () => true,
    () => false,
  )
}

async function build(module: Module, target: string, options: Required<BuildOptions>): Promise<void> {
  const source = join(target, 'source')
  await cp(module.folder, source, { recursive: true })
  if (module.name === 'edge') await withoutDnsProviders(source, options)
  for (const [done, program] of module.programs.entries()) {
    options.tell(`building ${program.name}, ${done} of ${module.programs.length} of "${module.name}" are ready`)
    await go(['build', ...module.flags, '-o', join(target, program.name), program.package], source, options)
  }
  await rm(source, { recursive: true })
}

/** The module as published, with one folder of it exchanged for `dns/`; Go lets nobody change its own copy. */
async function withoutDnsProviders(source: string, options: Required<BuildOptions>): Promise<void> {
  const published = await moduleFolder(LEGO, source, options)
  const copy = join(source, 'lego')
  await cp(published, copy, {
    recursive: true,
    filter: (path) => !path.startsWith(join(published, LEGO_PROVIDERS, '/')),
  })
  await go(['mod', 'edit', `-replace=${LEGO}=./lego`], source, options)
  await mkdir(join(copy, LEGO_PROVIDERS), { recursive: true })
  await writeFile(join(copy, LEGO_PROVIDERS, 'dns.go'), await readFile(join(source, 'dns', 'providers.go')))
}

/** Where Go keeps a module that the one in `folder` requires; fetched when it is not there yet. */
async function moduleFolder(path: string, folder: string, options: Required<BuildOptions>): Promise<string> {
  const { signal, environment } = options
  const run = { cwd: folder, signal, env: goEnvironment(environment) }
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', path], run)
  return (JSON.parse(stdout) as { Dir: string }).Dir
}

function goEnvironment(environment: Required<BuildOptions>['environment']): NodeJS.ProcessEnv {
  return { ...environment, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' }
}

async function go(
  args: readonly string[],
  cwd: string,
  { signal, environment }: Required<BuildOptions>,
): Promise<void> {
  const child = spawn('go', args, { cwd, env: goEnvironment(environment), stdio: ['ignore', 'ignore', 'pipe'], signal })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, by) => {
      const last = text.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
      if (code === 0) resolve()
      else reject(new Error(`go ${args[0]} failed (${code ?? by}): ${last || 'it does not say why'}`))
    })
  })
}
