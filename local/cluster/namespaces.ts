// A machine within the machine: its own network, processes and mounts. When its first process ends, the kernel ends all
// the others and takes links, rules and mounts away, however the run came to its end.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const INSIDE = 'PLATXA_CLUSTER_FOLDER'

/** The first process must reap what others leave, which Node does not do; a shell that waits for its command does. */
const FIRST_PROCESS = ['sh', '-c', '"$@"; exit $?', 'sh']

/** Even when we are killed, and cannot pass it on. */
const ENDS_WITH_US = ['--pdeathsig', 'KILL', '--']

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The command, to be run with namespaces of its own that live exactly as long as it does. */
export function inNamespaces(command: readonly [string, ...string[]], folder: string): Command {
  const kinds = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const args = [...ENDS_WITH_US, 'unshare', ...kinds, '--', ...FIRST_PROCESS, ...command]
  return { file: 'setpriv', args, env: { [INSIDE]: folder } }
}

/** The run's folder, when this process is inside. */
export function clusterFolder(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  return environment[INSIDE]
}

/** Folders of the machine that programs insist on, exchanged for the run's own. */
export async function exchangeFolders(folder: string): Promise<void> {
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/run'])
  for (const place of ['/var/log', '/var/lib/cni', '/var/lib/kubelet']) {
    const own = join(folder, 'root', place)
    await mkdir(own, { recursive: true })
    await mkdir(place, { recursive: true })
    await run('mount', ['--bind', own, place])
  }
}

const CGROUPS = '/sys/fs/cgroup'
const PREFIX = 'platxa-cluster-'

/** A cgroup in which the kubelet makes those of its pods; it takes away what it does not know, so no two share one. */
export async function makeCgroup(owner: number): Promise<string> {
  const name = `${PREFIX}${owner}`
  for (const hierarchy of await hierarchies()) {
    await mkdir(join(hierarchy, name), { recursive: true })
    for (const file of ['cpuset.cpus', 'cpuset.mems']) await inherit(hierarchy, name, file)
    const controllers = await readText(join(hierarchy, name, 'cgroup.controllers'))
    const enable = controllers
      .split(' ')
      .filter(Boolean)
      .map((controller) => `+${controller.trim()}`)
    await writeFile(join(hierarchy, name, 'cgroup.subtree_control'), enable.join(' ')).catch(() => undefined)
  }
  return `/${name}`
}

/** Version 1 starts a cpuset empty, and lets no process into an empty one. */
async function inherit(hierarchy: string, name: string, file: string): Promise<void> {
  const value = await readText(join(hierarchy, file))
  if (value !== '') await writeFile(join(hierarchy, name, file), value).catch(() => undefined)
}

export async function removeCgroup(owner: number): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, `${PREFIX}${owner}`))
}

/** Of a cgroup only the folders can be removed, from the inside out. */
async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name))
  await rmdir(folder).catch(() => undefined)
}

/** Where a cgroup's own files are looked at; with version 2 there is no other. */
export async function firstHierarchy(): Promise<string> {
  return (await hierarchies())[0] ?? CGROUPS
}

/** One folder with version 2; with version 1 one per controller. */
async function hierarchies(): Promise<readonly string[]> {
  if ((await readText(join(CGROUPS, 'cgroup.controllers'))) !== '') return [CGROUPS]
  const entries = await readdir(CGROUPS, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(CGROUPS, entry.name))
}

export async function isCgroupVersion1(): Promise<boolean> {
  return (await readText(join(CGROUPS, 'cgroup.controllers'))) === ''
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
