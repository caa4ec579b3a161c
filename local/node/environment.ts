// The environment that a container's `env` and `envFrom` describe. Pure: ConfigMaps and Secrets are given.
import type { Container, EnvVar, Pod } from 'kubernetes-types/core/v1.js'

import { field, type Place } from './fields.ts'

export type Values = Readonly<Record<string, string>>

/** By name; `undefined` when there is no such object. Values of Secrets are decoded. */
export interface Sources {
  readonly configMaps: ReadonlyMap<string, Values | undefined>
  readonly secrets: ReadonlyMap<string, Values | undefined>
}

/** What must be there before the container can start; the message says what is missing. */
export class ConfigProblem extends Error {
  override readonly name = 'ConfigProblem'
}

/** Names of the ConfigMaps and Secrets that the environment of these containers is made from. */
export function referencesOf(containers: readonly Container[]): { configMaps: Set<string>; secrets: Set<string> } {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  const add = (names: Set<string>, reference: { readonly name?: string } | undefined): void => {
    if (reference?.name !== undefined) names.add(reference.name)
  }
  for (const { env = [], envFrom = [] } of containers) {
    for (const { configMapRef, secretRef } of envFrom) {
      add(configMaps, configMapRef)
      add(secrets, secretRef)
    }
    for (const { valueFrom } of env) {
      add(configMaps, valueFrom?.configMapKeyRef)
      add(secrets, valueFrom?.secretKeyRef)
    }
  }
  return { configMaps, secrets }
}

/** `envFrom` first, then `env` in its order; later ones win, and `$(NAME)` reads those before. */
export function environmentOf(container: Container, pod: Pod, place: Place, sources: Sources): Values {
  const result: Record<string, string> = {}
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const values = configMapRef
      ? whole('configmap', configMapRef, sources.configMaps)
      : whole('secret', secretRef ?? {}, sources.secrets)
    for (const [key, value] of Object.entries(values)) result[prefix + key] = value
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, pod, place, sources, result)
    if (value !== undefined) result[variable.name] = value
  }
  return result
}

/** `$(NAME)` becomes the variable's value, `$$(NAME)` the text `$(NAME)`; what is not known stays as it is. */
export function expand(text: string, variables: Values): string {
  return text.replace(/\$(\$|\(([A-Za-z_.-][\w.-]*)\))/g, (whole, inner: string, name: string | undefined) =>
    inner === '$' ? '$' : ((name === undefined ? undefined : variables[name]) ?? whole),
  )
}

function valueOf(
  { name, value = '', valueFrom }: EnvVar,
  pod: Pod,
  place: Place,
  sources: Sources,
  before: Values,
): string | undefined {
  if (valueFrom === undefined) return expand(value, before)
  const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom
  if (configMapKeyRef) return keyOf('configmap', configMapKeyRef, sources.configMaps)
  if (secretKeyRef) return keyOf('secret', secretKeyRef, sources.secrets)
  const asked = fieldRef?.fieldPath
  const found = asked === undefined ? undefined : field(asked, pod, place)
  if (found === undefined) throw new ConfigProblem(`the local node cannot tell ${asked ?? 'what'} ${name} asks for`)
  return found
}

interface KeyReference {
  readonly name?: string
  readonly key: string
  readonly optional?: boolean
}

/** In the kubelet's words, because people search for them. */
function keyOf(
  kind: 'configmap' | 'secret',
  { name = '', key, optional = false }: KeyReference,
  objects: ReadonlyMap<string, Values | undefined>,
): string | undefined {
  const values = objects.get(name)
  if (values === undefined && !optional) throw new ConfigProblem(`${kind} "${name}" not found`)
  const value = values?.[key]
  if (value === undefined && !optional) throw new ConfigProblem(`couldn't find key ${key} in ${kind} ${name}`)
  return value
}

function whole(
  kind: 'configmap' | 'secret',
  { name = '', optional = false }: { readonly name?: string; readonly optional?: boolean },
  objects: ReadonlyMap<string, Values | undefined>,
): Values {
  const values = objects.get(name)
  if (values === undefined && !optional) throw new ConfigProblem(`${kind} "${name}" not found`)
  return values ?? {}
}
