// Manifests of others, of whatever kind: applied in an order in which nobody misses anybody.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { parseAllDocuments } from 'yaml'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

export interface AnyObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly [field: string]: unknown
}

const MANAGER = 'platxa-cluster'
/** A webhook that is about to come up refuses what it will take a moment later. */
const TRIES = 120
const RETRY_MS = 500
/** Each wave may need the one before. */
const WAVES: readonly (readonly string[])[] = [
  ['Namespace', 'CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'IngressClass'],
  ['ServiceAccount', 'ClusterRole', 'Role', 'ClusterRoleBinding', 'RoleBinding', 'Secret', 'ConfigMap'],
]

export async function readObjects(files: readonly string[]): Promise<readonly AnyObject[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return texts.flatMap(parseObjects)
}

export function parseObjects(text: string): readonly AnyObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [fault] = document.errors
    if (fault !== undefined) throw fault
    const value = document.toJS() as AnyObject | null | undefined
    return value ? [value] : []
  })
}

/** All `.yaml` files below a folder, links followed. */
export async function yamlFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => !entry.isDirectory() && entry.name.endsWith('.yaml'))
  return files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
}

export class Applier {
  readonly #kubernetes: Kubernetes
  readonly #signal: AbortSignal
  readonly #resources = new Map<string, Promise<readonly Resource[]>>()

  constructor(kubernetes: Kubernetes, signal: AbortSignal) {
    this.#kubernetes = kubernetes
    this.#signal = signal
  }

  async apply(objects: readonly AnyObject[]): Promise<void> {
    const last = WAVES.length
    const wave = ({ kind }: AnyObject): number => WAVES.findIndex((kinds) => kinds.includes(kind))
    for (let number = 0; number <= last; number += 1) {
      const now = objects.filter((object) => (wave(object) === -1 ? last : wave(object)) === number)
      await Promise.all(now.map((object) => this.#applyOne(object)))
    }
  }

  async #applyOne(object: AnyObject): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const path = await this.#pathOf(object)
        await this.#kubernetes.request('PATCH', path, {
          body: object,
          contentType: 'application/apply-patch+yaml',
          query: { fieldManager: MANAGER, force: true },
          signal: this.#signal,
        })
        return
      } catch (error) {
        this.#signal.throwIfAborted()
        if (tries === TRIES)
          throw new Error(`${object.kind} ${object.metadata.name}: ${String(error)}`, { cause: error })
        this.#resources.delete(object.apiVersion) // its definition may have come since
        await sleep(RETRY_MS, undefined, { signal: this.#signal })
      }
    }
  }

  async #pathOf({ apiVersion, kind, metadata }: AnyObject): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const known = this.#resources.get(apiVersion) ?? this.#ask(root)
    this.#resources.set(apiVersion, known)
    const found = (await known).find((resource) => resource.kind === kind && !resource.name.includes('/'))
    if (found === undefined) throw new Error(`the API server does not know ${kind} of ${apiVersion}`)
    const inside = found.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : ''
    return `${root}${inside}/${found.name}/${metadata.name}`
  }

  async #ask(root: string): Promise<readonly Resource[]> {
    const answer = await this.#kubernetes.request<{ resources: Resource[] }>('GET', root, { signal: this.#signal })
    return answer.resources
  }
}

interface Resource {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}
