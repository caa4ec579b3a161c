// ConfigMaps, Secrets and volumes as the node reads them.
import type { ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret } from 'kubernetes-types/core/v1.js'

import type { Kubernetes } from '#shared/k8s/kubernetes.ts'

import { ConfigProblem, type Sources, type Values } from './environment.ts'

export type Contents = ReadonlyMap<string, Buffer>

export interface Reader {
  readonly kubernetes: Kubernetes
  readonly namespace: string
  readonly signal: AbortSignal
}

export async function readConfigMap(
  name: string,
  { kubernetes, namespace, signal }: Reader,
): Promise<Contents | undefined> {
  const found = await kubernetes.get<ConfigMap>({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }, { signal })
  if (found === undefined) return undefined
  return new Map([...decoded(found.data, 'utf8'), ...decoded(found.binaryData, 'base64')])
}

export async function readSecret(
  name: string,
  { kubernetes, namespace, signal }: Reader,
): Promise<Contents | undefined> {
  const found = await kubernetes.get<Secret>({ apiVersion: 'v1', kind: 'Secret', namespace, name }, { signal })
  return found === undefined ? undefined : new Map(decoded(found.data, 'base64'))
}

/** Everything that is named, read at once. */
export async function readSources(
  names: { readonly configMaps: Iterable<string>; readonly secrets: Iterable<string> },
  reader: Reader,
): Promise<Sources> {
  const [configMaps, secrets] = await Promise.all([
    readAll(names.configMaps, (name) => readConfigMap(name, reader)),
    readAll(names.secrets, (name) => readSecret(name, reader)),
  ])
  return { configMaps, secrets }
}

/** The folder behind a claim. */
export async function readClaim(claimName: string, { kubernetes, namespace, signal }: Reader): Promise<string> {
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName }
  const volumeName = (await kubernetes.get<PersistentVolumeClaim>(claim, { signal }))?.spec?.volumeName
  if (volumeName === undefined) throw new ConfigProblem(`persistentvolumeclaim "${claimName}" is not bound`)
  const volume = { apiVersion: 'v1', kind: 'PersistentVolume', name: volumeName }
  const spec = (await kubernetes.get<PersistentVolume>(volume, { signal }))?.spec
  const path = spec?.hostPath?.path ?? spec?.local?.path
  if (path === undefined) throw new ConfigProblem(`persistentvolume "${volumeName}" is no folder of this machine`)
  return path
}

function decoded(values: Values = {}, encoding: 'utf8' | 'base64'): [string, Buffer][] {
  return Object.entries(values).map(([key, value]) => [key, Buffer.from(value, encoding)])
}

async function readAll(
  names: Iterable<string>,
  read: (name: string) => Promise<Contents | undefined>,
): Promise<Map<string, Values | undefined>> {
  const entries = [...names].map(async (name): Promise<[string, Values | undefined]> => [name, texts(await read(name))])
  return new Map(await Promise.all(entries))
}

function texts(contents: Contents | undefined): Values | undefined {
  if (contents === undefined) return undefined
  return Object.fromEntries([...contents].map(([key, value]) => [key, value.toString('utf8')]))
}
