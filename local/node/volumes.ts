// A pod's volumes as folders below its own.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { DownwardAPIVolumeFile, KeyToPath, Pod, Volume, VolumeProjection } from 'kubernetes-types/core/v1.js'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'

import { ConfigProblem } from './environment.ts'
import { field, type Place } from './fields.ts'
import { replaceFile } from './files.ts'
import { type Contents, readClaim, readConfigMap, readSecret, type Reader } from './objects.ts'
import { MountProblem } from './refusal.ts'
import { keepToken, type TokenFile, writeToken } from './token.ts'

export interface VolumesOf {
  readonly pod: Pod
  /** Folder in which each volume gets one of its name. */
  readonly folder: string
  readonly place: Place
  readonly kubernetes: Kubernetes
  readonly log: Log
  /** Ends with the pod: tokens are kept fresh until then. */
  readonly signal: AbortSignal
}

/** The folder of each volume, by name. */
export type VolumePaths = ReadonlyMap<string, string>

export class Volumes {
  readonly #of: VolumesOf
  readonly #reader: Reader
  readonly #tokens = new Map<string, Promise<number>>()

  constructor(of: VolumesOf) {
    this.#of = of
    this.#reader = { kubernetes: of.kubernetes, namespace: of.pod.metadata?.namespace ?? '', signal: of.signal }
  }

  /**
   * Writes what the API server holds now. Called before each start of a container, so a restart sees a changed
   * ConfigMap; a kubelet would also change the files of a running container, within a minute. Throws MountProblem.
   */
  async write(): Promise<VolumePaths> {
    const volumes = this.#of.pod.spec?.volumes ?? []
    const written = volumes.map(async (volume) => [volume.name, await this.#named(volume)] as const)
    return new Map(await Promise.all(written))
  }

  async #named(volume: Volume): Promise<string> {
    try {
      return await this.#one(volume)
    } catch (error) {
      throw new MountProblem(volume.name, error instanceof Error ? error.message : String(error))
    }
  }

  async #one(volume: Volume): Promise<string> {
    const { name, configMap, secret, persistentVolumeClaim, projected, downwardAPI, emptyDir } = volume
    if (persistentVolumeClaim) return await readClaim(persistentVolumeClaim.claimName, this.#reader)
    const folder = join(this.#of.folder, name)
    await mkdir(folder, { recursive: true })
    if (configMap) await this.#project({ configMap }, folder)
    else if (secret) await this.#project({ secret: { ...secret, name: secret.secretName ?? '' } }, folder)
    else if (downwardAPI) await this.#project({ downwardAPI }, folder)
    else if (projected) await Promise.all((projected.sources ?? []).map((source) => this.#project(source, folder)))
    else if (!emptyDir) throw new ConfigProblem(`the local node does not know the kind of volume "${name}"`)
    return folder
  }

  async #project(
    { configMap, secret, downwardAPI, serviceAccountToken }: VolumeProjection,
    folder: string,
  ): Promise<void> {
    if (configMap) {
      const { name = '', items, optional } = configMap
      const contents = await readConfigMap(name, this.#reader)
      await this.#writeItems(folder, pick(`configmap "${name}"`, contents, items, optional), 0o644)
    }
    if (secret) {
      const { name = '', items, optional } = secret
      const contents = await readSecret(name, this.#reader)
      await this.#writeItems(folder, pick(`secret "${name}"`, contents, items, optional), 0o600)
    }
    if (downwardAPI) await this.#writeItems(folder, this.#fields(downwardAPI.items ?? []), 0o644)
    if (serviceAccountToken) {
      const file = join(folder, serviceAccountToken.path)
      const { pod, kubernetes } = this.#of
      const token = { file, pod, kubernetes, projection: serviceAccountToken }
      await (this.#tokens.get(file) ?? this.#begin(token))
    }
  }

  /** A Secret is for the user of the pod; where we are root and the pod names a group, for that group too. */
  async #writeItems(folder: string, contents: Contents, mode: number): Promise<void> {
    const group = process.getuid?.() === 0 ? this.#of.pod.spec?.securityContext?.fsGroup : undefined
    const readable = group === undefined ? mode : mode | 0o040
    await Promise.all([...contents].map(([path, value]) => replaceFile(join(folder, path), value, readable, group)))
  }

  #fields(items: readonly DownwardAPIVolumeFile[]): Contents {
    const { pod, place } = this.#of
    return new Map(
      items.map(({ path, fieldRef }) => {
        const value = fieldRef && field(fieldRef.fieldPath, pod, place)
        if (value === undefined) throw new ConfigProblem(`the local node cannot tell what ${path} asks for`)
        return [path, Buffer.from(value)]
      }),
    )
  }

  /** Once per pod; after that it keeps itself fresh. */
  async #begin(token: TokenFile): Promise<void> {
    const { signal, log } = this.#of
    const first = writeToken(token, signal)
    this.#tokens.set(token.file, first)
    try {
      void keepToken(token, await first, log, signal)
    } catch (error) {
      this.#tokens.delete(token.file)
      throw error
    }
  }
}

/** All keys, or those that are asked for, at the paths that are asked for. */
function pick(
  what: string,
  contents: Contents | undefined,
  items: readonly KeyToPath[] | undefined,
  optional = false,
): Contents {
  if (contents === undefined && !optional) throw new ConfigProblem(`${what} not found`)
  if (contents === undefined || items === undefined) return contents ?? new Map()
  const picked = new Map<string, Buffer>()
  for (const { key, path } of items) {
    const value = contents.get(key)
    if (value !== undefined) picked.set(path, value)
    else if (!optional) throw new ConfigProblem(`${what} has no key ${key}`)
  }
  return picked
}
