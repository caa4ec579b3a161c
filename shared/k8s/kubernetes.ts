// What the rest of the house may do with a Kubernetes API server. Nothing here knows what an instance is.
import type { KubernetesError } from './errors.ts'

/** A kind of object, in one namespace or (without `namespace`) in all of them or outside any. */
export interface KindRef {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
}

/** One object. */
export interface Ref extends KindRef {
  readonly name: string
}

/** The part of an object that this library reads; every type of `kubernetes-types` fits. */
export interface Manifest {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: {
    readonly name?: string
    readonly generateName?: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}

export interface Call {
  /** Ends the call at once; the promise is then rejected with the signal's own reason. */
  readonly signal: AbortSignal
}

export interface Selection extends Call {
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface WatchOptions<T = unknown, Kept = T> extends Selection {
  /** What to keep of each object: applied page by page, so that a large collection is never in memory as a whole. */
  readonly pick?: ((object: T) => Kept) | undefined
  /** Objects per page of the list it begins with, 500 unless told. */
  readonly limit?: number
  /** Told of each fault of the connection and of how long the watch waits before it tries again: for logs and metrics. */
  readonly onFault?: (error: KubernetesError, retryInMs: number) => void
}

export interface ListOptions extends Selection {
  /** Names of fields nobody will look at, at whatever depth: objects and lists under them are null. Large lists cost a fraction. */
  readonly leaveOut?: readonly string[]
  /** Objects per page, 500 unless told. The generator gives all pages. */
  readonly limit?: number
}

export interface ApplyOptions extends Call {
  readonly fieldManager: string
  /** Take over fields that another manager owns. True unless told; false answers 409 Conflict instead. */
  readonly force?: boolean
}

export interface PatchOptions extends Call {
  readonly type: 'merge' | 'json' | 'strategic'
  readonly subresource?: string
  readonly fieldManager?: string
}

export interface ScaleOptions extends Call {
  /** Only this very object, not one of the same name made since: 409 Conflict otherwise. */
  readonly uid?: string
  /** Only if nobody changed it since: 409 Conflict otherwise. */
  readonly resourceVersion?: string
}

export interface Scaled {
  readonly replicas: number
  readonly resourceVersion: string
}

export interface DeleteOptions extends Call {
  /** Only this very object, not one of the same name made since: 409 Conflict otherwise. */
  readonly uid?: string
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan'
}

export interface RequestOptions extends Call {
  readonly body?: unknown
  /** `application/json` unless told. */
  readonly contentType?: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
}

/**
 * `synced` is the whole truth at one moment: whoever keeps a copy replaces it. It comes first, and again whenever the
 * API server no longer knows the changes since the last one. Between two of them nothing is left out.
 */
export type WatchEvent<T> =
  | { readonly type: 'synced'; readonly objects: readonly T[] }
  | { readonly type: 'applied'; readonly object: T }
  | { readonly type: 'deleted'; readonly object: T }

/** Everything rejects with a KubernetesError (errors.ts), or with the reason of the caller's own signal. */
export interface Kubernetes {
  /** `undefined` when there is no such object. */
  get<T>(ref: Ref, options: Call): Promise<T | undefined>
  list<T extends Manifest>(kind: KindRef, options: ListOptions): AsyncGenerator<T, void, undefined>
  create<T extends Manifest>(object: T, options: Call): Promise<T>
  /** Server-side apply: the object as we want it, with our fields only. */
  apply<T extends Manifest>(object: T, options: ApplyOptions): Promise<T>
  patch<T>(ref: Ref, body: unknown, options: PatchOptions): Promise<T>
  scale(ref: Ref, replicas: number, options: ScaleOptions): Promise<Scaled>
  /** False when there was no such object. */
  delete(ref: Ref, options: DeleteOptions): Promise<boolean>
  /**
   * Lists, then follows the changes. Ends, without an error, by the signal or by `close`; faults of the connection are
   * its own business. Rejects only when its very first list is refused as forbidden, unknown or malformed.
   */
  watch<T extends Manifest, Kept = T>(
    kind: KindRef,
    options: WatchOptions<T, Kept>,
  ): AsyncGenerator<WatchEvent<Kept>, void, undefined>
  /** For the rest: subresources of its own kind, reviews. `path` starts with `/api/` or `/apis/`. */
  request<T>(method: string, path: string, options: RequestOptions): Promise<T>
  close(): Promise<void>
}
