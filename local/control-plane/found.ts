// Programs that are already on the machine.
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

import { type Component, COMPONENTS } from './components.ts'
import { compareVersions, OLDEST_KUBERNETES } from './pinned.ts'
import type { Binaries } from './start.ts'

const ASK_LIMIT_MS = 10_000

export type Found = { readonly binaries: Binaries } | { readonly missing: string }

/** All four in one folder, or each somewhere on the PATH; `missing` says in words what is wrong with them. */
export async function findIn(folders: readonly string[], signal: AbortSignal): Promise<Found> {
  const paths = await Promise.all(COMPONENTS.map((name) => firstOf(folders, name)))
  const absent = COMPONENTS.filter((_, index) => paths[index] === undefined)
  if (absent.length > 0) return { missing: `no ${absent.join(', ')}` }
  const binaries = Object.fromEntries(COMPONENTS.map((name, index) => [name, paths[index]])) as Binaries
  const fault = await versionFault(binaries, signal)
  return fault === undefined ? { binaries } : { missing: fault }
}

export function foldersOf(path: string | undefined): readonly string[] {
  return (path ?? '').split(delimiter).filter((folder) => folder !== '')
}

async function firstOf(folders: readonly string[], name: Component): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name)
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return path
  }
  return undefined
}

/** What speaks against them, if anything. They must run here, be new enough and of one minor version. */
async function versionFault(binaries: Binaries, signal: AbortSignal): Promise<string | undefined> {
  try {
    const versions = await Promise.all(COMPONENTS.map((name) => versionOf(name, binaries[name], signal)))
    const [, ...kubernetes] = versions
    const old = kubernetes.find((version) => compareVersions(version, OLDEST_KUBERNETES) < 0)
    if (old !== undefined) return `Kubernetes ${old} is older than ${OLDEST_KUBERNETES}`
    const minors = new Set(kubernetes.map((version) => version.split('.').slice(0, 2).join('.')))
    return minors.size === 1 ? undefined : `Kubernetes of different versions: ${kubernetes.join(', ')}`
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof Error ? error.message : String(error)
  }
}

async function versionOf(name: Component, path: string, signal: AbortSignal): Promise<string> {
  const answer = await promisify(execFile)(path, ['--version'], { signal, timeout: ASK_LIMIT_MS })
  const version = /(?:Kubernetes v|etcd Version: )(\d+\.\d+\.\d+)/.exec(answer.stdout)?.[1]
  if (version === undefined) throw new Error(`${name} does not say its version: ${answer.stdout.slice(0, 100).trim()}`)
  return version
}
