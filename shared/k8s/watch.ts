// Following a collection for as long as the caller wants, whatever happens to the connection.
import { setTimeout as sleep } from 'node:timers/promises'

import { createBackoff } from './backoff.ts'
import { KubernetesError } from './errors.ts'
import { collectionPath, resourceOf } from './kinds.ts'
import type { KindRef, Manifest, Selection, WatchEvent, WatchOptions } from './kubernetes.ts'
import type { Limits } from './limits.ts'
import { linesOf } from './lines.ts'
import { isGone, mayBeBefore, readSnapshot, readVersion } from './pages.ts'
import { noAnswer, refusedInWatch } from './status.ts'
import type { Outgoing, Transport } from './transport.ts'

/** etcd takes objects of 1.5 MB; a line is one of them with little around it. */
const LONGEST_LINE_BYTES = 16 * 1024 * 1024
/** A watch that lived this long did work, even if nothing happened on it. */
const LIVED_MS = 5_000
/** A server may ask for a pause; we do not go blind for longer than this on its word. */
const LONGEST_ASKED_MS = 10_000

type Change<T> = Exclude<WatchEvent<T>, { type: 'synced' }>
type Step<T> = Change<T> | { readonly type: 'bookmark'; readonly object: T }

export async function* watchKind<T extends Manifest, Kept = T>(
  transport: Transport,
  limits: Limits,
  kind: KindRef,
  options: WatchOptions<T, Kept>,
): AsyncGenerator<WatchEvent<Kept>, void, undefined> {
  // Without `pick`, `Kept` is `T`.
  const { onFault, pick = (object: T) => object as unknown as Kept } = options
  const signal = AbortSignal.any([options.signal, transport.closed])
  const backoff = createBackoff()
  let since: string | undefined
  let synced = false
  while (!signal.aborted) {
    const startedAt = Date.now()
    const lived = () => Date.now() - startedAt >= LIVED_MS
    let heard = false
    try {
      if (since === undefined) {
        const snapshot = await readSnapshot(transport, kind, { ...options, signal }, (object) => pick(object as T))
        since = snapshot.resourceVersion
        yield { type: 'synced', objects: snapshot.objects }
        synced = true
      }
      for await (const step of readChanges<T>(transport, limits, kind, { ...options, signal }, since)) {
        since = step.object.metadata?.resourceVersion ?? since
        heard = true
        backoff.reset()
        if (step.type !== 'bookmark') yield { type: step.type, object: pick(step.object) }
      }
      if (lived()) backoff.reset()
      // not even the bookmark that comes before the end: a server that was restored from a backup keeps silent until it
      // has come as far as we are; one that has much to do may have had no time for it
      const isSilent = lived() && !heard
      if (isSilent && mayBeBefore(await readVersion(transport, kind, { ...options, signal }), since)) since = undefined
      await pause(backoff.next(), signal)
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof KubernetesError) || (!synced && isOurFault(error))) throw error
      if (isPast(error)) since = undefined
      if (lived()) backoff.reset()
      const asked = Math.min((error.details.retryAfterSeconds ?? 0) * 1000, LONGEST_ASKED_MS)
      const waitMs = Math.max(backoff.next(), asked)
      onFault?.(error, waitMs)
      await pause(waitMs, signal)
    }
  }
}

/** The changes after `since`, until this one stream ends. */
async function* readChanges<T extends Manifest>(
  transport: Transport,
  limits: Limits,
  kind: KindRef,
  { labelSelector, fieldSelector, signal }: Selection,
  since: string,
): AsyncGenerator<Step<T>> {
  const timeoutSeconds = Math.ceil((limits.watchMs * (1 + Math.random() / 10)) / 1000)
  const outgoing: Outgoing = {
    method: 'GET',
    path: collectionPath(kind),
    query: {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: since,
      timeoutSeconds,
      labelSelector,
      fieldSelector,
    },
    call: { verb: 'watch', resource: resourceOf(kind).plural, namespace: kind.namespace },
    signal,
  }
  const body = await transport.stream(outgoing)
  try {
    for await (const line of linesOf(body, LONGEST_LINE_BYTES)) yield stepOf<T>(line, outgoing)
  } catch (error) {
    throw transport.faultOf(error, outgoing)
  }
}

interface RawEvent {
  readonly type: string
  readonly object: unknown
}

function stepOf<T>(line: string, { call }: Outgoing): Step<T> {
  const { type, object } = parse(line, call)
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'applied', object: object as T }
    case 'DELETED':
      return { type: 'deleted', object: object as T }
    case 'BOOKMARK':
      return { type: 'bookmark', object: object as T }
    default:
      throw refusedInWatch(call, object)
  }
}

function parse(line: string, call: Outgoing['call']): RawEvent {
  try {
    return JSON.parse(line) as RawEvent
  } catch (error) {
    throw noAnswer(call, 'Unreadable', error) // cut in the middle of a line
  }
}

/** Before the first answer, these mean that the caller asks for what is not there or not allowed: waiting hides it. */
function isOurFault({ status }: KubernetesError): boolean {
  return [400, 403, 404, 405, 422].includes(status)
}

/** The server cannot go on from where we are: it forgot that moment, or it has not come so far and says so. */
function isPast(error: KubernetesError): boolean {
  const tooLarge = error.details.causes?.some(({ reason }) => reason === 'ResourceVersionTooLarge') ?? false
  return isGone(error) || tooLarge
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
