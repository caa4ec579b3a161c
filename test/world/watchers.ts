// Prometheus, Alertmanager and their tools: the machine's own, else Debian's, unpacked into the cache and not installed.
import { execFile } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fillOnce } from '#local/control-plane/cache.ts'
import { findProgram, programFolders } from '#local/tools/programs.ts'
import { aptUnpack } from '#test/apt.ts'

const programs = {
  prometheus: { names: ['prometheus'], debian: 'prometheus' },
  promtool: { names: ['promtool'], debian: 'prometheus' },
  alertmanager: { names: ['alertmanager', 'prometheus-alertmanager'], debian: 'prometheus-alertmanager' },
  amtool: { names: ['amtool'], debian: 'prometheus-alertmanager' },
} as const
export type Program = keyof typeof programs

const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'platxa-functions', 'debian')

/** Its path, or undefined when this machine has none (yet). */
export async function watcherOf(program: Program): Promise<string | undefined> {
  const { names, debian } = programs[program]
  return findProgram([...programFolders(process.env), join(cache, debian, 'usr', 'bin')], ...names)
}

/**
 * How it is started. Debian's Alertmanager ends at once without its templates, and looks for them below /usr/share alone:
 * there the unpacked ones are mounted, for this one process. Undefined where there is none, or none may mount.
 */
export async function commandOf(program: Program): Promise<readonly string[] | undefined> {
  const path = await watcherOf(program)
  if (path === undefined) return undefined
  const unpacked = join(cache, programs[program].debian)
  if (program !== 'alertmanager' || !path.startsWith(unpacked)) return [path]
  const namespaces = process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount']
  const args = [
    ...namespaces,
    'sh',
    '-c',
    'mount --bind "$0" /usr/share && exec "$@"',
    join(unpacked, 'usr', 'share'),
    path,
  ]
  return promisify(execFile)('unshare', [...args, '--version']).then(
    () => ['unshare', ...args],
    () => undefined,
  )
}

/** What could not be had, with the reason. */
export async function obtainPrograms(tell: (detail: string) => void): Promise<readonly string[]> {
  const faults: string[] = []
  for (const name of ['prometheus', 'prometheus-alertmanager'] as const) {
    if (await hasAll(name)) continue
    tell(`apt-get download ${name}`)
    const filling = fillOnce(
      join(cache, name),
      () => hasAll(name),
      (folder) => aptUnpack(name, folder),
      tell,
      new AbortController().signal,
    )
    await filling.catch((error: unknown) => {
      const fault = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error)
      faults.push(`apt-get download ${name}: ${fault}`)
    })
  }
  const isThere = (await watcherOf('alertmanager')) !== undefined
  if (isThere && (await commandOf('alertmanager')) === undefined) faults.push('Alertmanager needs unshare and mount')
  return faults
}

async function hasAll(debian: string): Promise<boolean> {
  const wanted = (Object.keys(programs) as Program[]).filter((program) => programs[program].debian === debian)
  const found = await Promise.all(wanted.map(watcherOf))
  return found.every((path) => path !== undefined)
}
