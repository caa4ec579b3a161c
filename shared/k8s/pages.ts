// Reading a whole collection page by page.
import { KubernetesError } from './errors.ts'
import { collectionPath, resourceOf } from './kinds.ts'
import type { KindRef, ListOptions, Manifest } from './kubernetes.ts'
import type { Transport } from './transport.ts'

const PAGE = 500
const MOST_RESTARTS = 3

interface ListBody<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
  readonly items?: readonly T[] | null
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Where a watch goes on from; the same for all pages of one reading. */
  readonly resourceVersion: string
  /** This is the first page again: what came before is of a reading that could not be finished. */
  readonly restarted: boolean
}

/** A reading that takes so long that the server forgets its moment (410) begins anew. */
export async function* readPages<T>(
  transport: Transport,
  kind: KindRef,
  options: ListOptions,
): AsyncGenerator<Page<T>> {
  const { labelSelector, fieldSelector, leaveOut, limit = PAGE, signal } = options
  const call = { verb: 'list', resource: resourceOf(kind).plural, namespace: kind.namespace }
  const path = collectionPath(kind)
  let next: string | undefined
  let restarts = 0
  let restarted = false
  do {
    try {
      const query = { labelSelector, fieldSelector, limit, continue: next }
      const body = await transport.send<ListBody<T>>({ method: 'GET', path, query, leaveOut, call, signal })
      next = body.metadata?.continue || undefined
      const { apiVersion, kind: name } = kind
      // the items of a list do not say what they are, those of a watch do
      const items = (body.items ?? []).map((item) => ({ apiVersion, kind: name, ...item }))
      yield { items, resourceVersion: body.metadata?.resourceVersion ?? '', restarted }
      restarted = false
    } catch (error) {
      if (!isGone(error) || next === undefined || restarts >= MOST_RESTARTS) throw error
      next = undefined
      restarts++
      restarted = true
    }
  } while (next !== undefined || restarted)
}

export function isGone(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 410
}

/** Each object once, also when the reading had to begin anew. */
export async function* readItems<T extends Manifest>(
  transport: Transport,
  kind: KindRef,
  options: ListOptions,
): AsyncGenerator<T> {
  const given = new Set<string | undefined>()
  for await (const { items } of readPages<T>(transport, kind, options)) {
    for (const item of items) {
      const uid = item.metadata?.uid
      if (uid !== undefined && given.has(uid)) continue
      given.add(uid)
      yield item
    }
  }
}

export interface Snapshot<T> {
  readonly objects: readonly T[]
  readonly resourceVersion: string
}

/** The collection as it was at one moment; of each object only what `pick` keeps. */
export async function readSnapshot<Kept>(
  transport: Transport,
  kind: KindRef,
  options: ListOptions,
  pick: (object: Manifest) => Kept,
): Promise<Snapshot<Kept>> {
  let objects: Kept[] = []
  let resourceVersion = ''
  for await (const page of readPages<Manifest>(transport, kind, options)) {
    if (page.restarted) objects = []
    for (const item of page.items) objects.push(pick(item))
    resourceVersion = page.resourceVersion
  }
  return { objects, resourceVersion }
}

/** How far the server has come, without reading the collection. */
export async function readVersion(transport: Transport, kind: KindRef, options: ListOptions): Promise<string> {
  for await (const { resourceVersion } of readPages(transport, kind, { ...options, limit: 1 })) return resourceVersion
  return ''
}

/**
 * Whether a version is of before another; what are no numbers cannot be told apart, and might be.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
export function mayBeBefore(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => (/^\d+$/.test(text) ? BigInt(text) : undefined))
  return a === undefined || b === undefined || a < b
}
