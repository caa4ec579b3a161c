// What all objects of an instance have in common.
import { labelsOf, namespaceOf } from './names.ts'
import type { InstanceSpec } from './spec.ts'

/** Enough to be applied, with labels on every one so that none is ever lost. */
export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
}

export interface Metadata {
  readonly name: string
  readonly namespace?: string
  readonly labels: Record<string, string>
  readonly annotations?: Record<string, string>
}

/** An object of a known kind that says all of `KubernetesObject`. */
export type Desired<T> = T & KubernetesObject

export function metadataOf(spec: InstanceSpec, name: string, annotations?: Record<string, string>): Metadata {
  return {
    name,
    namespace: namespaceOf(spec.name),
    labels: labelsOf(spec),
    ...(annotations && { annotations }),
  }
}
