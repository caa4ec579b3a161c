// Building what `programs.ts` lists, once per content of its Go modules; kept outside of the repository.
import { spawn } from 'node:child_process'
import { access, constants, cp, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { cacheFolder, fillOnce } from '#local/control-plane/cache.ts'

import { hashOf, type Module, modules } from './programs.ts'

const LAST_LINES = 8

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
  for (const [done, program] of module.programs.entries()) {
    options.tell(`building ${program.name}, ${done} of ${module.programs.length} of "${module.name}" are ready`)
    await go(['build', ...module.flags, '-o', join(target, program.name), program.package], source, options)
  }
  await rm(source, { recursive: true })
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
