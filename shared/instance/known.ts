// What is known of an instance before an event may touch it: its namespace, and whether it was removed.
import type { Namespace } from 'kubernetes-types/core/v1.js'
import { fieldManager, labelKeys, namespaceOf } from './names.ts'
import { readRevision, readSpec, type InstanceSpec } from './spec.ts'
import type { Tombstone } from './tombstone.ts'

export interface SeenNamespace {
  readonly uid: string
  readonly resourceVersion: string
  /** It bears our label; anybody could have made a namespace of this name. */
  readonly ours: boolean
  /** It is being deleted. */
  readonly leaving: boolean
  /** The newest revision that was carried out whole; undefined until provisioning has been through once. */
  readonly applied: number | undefined
  readonly spec: InstanceSpec | undefined
}

export interface Known {
  readonly namespace: SeenNamespace | undefined
  readonly tombstone: Tombstone | undefined
}

export function seeNamespace(namespace: Namespace): SeenNamespace {
  const { uid = '', resourceVersion = '', labels, deletionTimestamp } = namespace.metadata ?? {}
  return {
    uid,
    resourceVersion,
    ours: labels?.[labelKeys.managedBy] === fieldManager,
    leaving: deletionTimestamp !== undefined,
    applied: readRevision(namespace),
    spec: readSpec(namespace),
  }
}

/** The removal that is under way or was the last word. A tombstone of an earlier namesake is neither. */
export function removalInForce({ namespace, tombstone }: Known): Tombstone | undefined {
  return namespace === undefined || namespace.uid === tombstone?.uid ? tombstone : undefined
}

/** An instance that is there, whole, and not on its way out. */
export interface Standing extends SeenNamespace {
  readonly spec: InstanceSpec
  readonly applied: number
}

export type Presence =
  | { readonly is: 'there'; readonly standing: Standing }
  /** The events of one instance come in any order: this one is ahead of the one that makes it. */
  | { readonly is: 'not yet'; readonly why: string }
  | { readonly is: 'removed'; readonly why: string }
  | { readonly is: 'not ours'; readonly why: string }

/** For an event that changes an instance. What makes one or takes one away has rules of its own. */
export function presenceOf(known: Known, name: string, revision: number): Presence {
  const { namespace } = known
  const place = `namespace "${namespaceOf(name)}"`
  if (namespace?.ours === false) return { is: 'not ours', why: `${place} is there and is not an instance's` }
  const removal = removalInForce(known)
  if (removal && removal.revision >= revision) {
    return { is: 'removed', why: `it was removed by revision ${removal.revision}` }
  }
  if (namespace === undefined) return { is: 'not yet', why: `there is no ${place} yet` }
  if (namespace.leaving || removal) return { is: 'not yet', why: `${place} is still being removed` }
  const { applied, spec } = namespace
  if (applied === undefined) return { is: 'not yet', why: 'the instance is still being made' }
  if (spec === undefined) return { is: 'not ours', why: `${place} does not say what its instance should be` }
  return { is: 'there', standing: { ...namespace, applied, spec } }
}
