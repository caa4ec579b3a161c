// Kubernetes Events: what `kubectl get events` shows. Words for people; nothing may depend on them.
import { createHash } from 'node:crypto'
import { isAlreadyExists } from './errors.ts'
import type { Kubernetes, Ref } from './kubernetes.ts'

export interface Note {
  readonly regarding: Ref & { readonly uid?: string | undefined }
  /** CamelCase word that machines may compare: `Woken`, `SleepDeclined`. */
  readonly reason: string
  /** The sentence; cut at the API server's limit of 1024 bytes. */
  readonly note: string
  /** CamelCase: what was being done. */
  readonly action: string
  readonly type?: 'Normal' | 'Warning'
  /** Qualified name of who says so: `platxa.io/wake`. */
  readonly reportingController: string
  readonly reportingInstance: string
  readonly at: Temporal.Instant
  /** Said twice under the same key, it is recorded once. */
  readonly key?: string | undefined
}

const maxNoteBytes = 1024

export async function recordEvent(kubernetes: Kubernetes, note: Note, signal: AbortSignal): Promise<void> {
  const { regarding, reason, action, type = 'Normal', reportingController, reportingInstance, at } = note
  const namespace = regarding.namespace ?? (regarding.kind === 'Namespace' ? regarding.name : 'default')
  const { apiVersion, kind, name, uid } = regarding
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { ...nameOf(name, note.key), namespace },
    eventTime: at.toString({ smallestUnit: 'microsecond' }),
    regarding: { apiVersion, kind, name, namespace, ...(uid === undefined ? {} : { uid }) },
    reason,
    action,
    type,
    note: cut(note.note),
    reportingController,
    reportingInstance,
  }
  try {
    await kubernetes.create(event, { signal })
  } catch (error) {
    if (note.key === undefined || !isAlreadyExists(error)) throw error
  }
}

function nameOf(name: string, key: string | undefined): { readonly name: string } | { readonly generateName: string } {
  if (key === undefined) return { generateName: `${name}-` }
  return { name: `${name}-${createHash('sha256').update(key).digest('hex').slice(0, 12)}` }
}

function cut(note: string): string {
  const bytes = new TextEncoder().encode(note)
  if (bytes.length <= maxNoteBytes) return note
  // A character cut in two would decode to U+FFFD, which is longer than what was left of it.
  const kept = new TextDecoder().decode(bytes.subarray(0, maxNoteBytes - 3), { stream: true })
  return `${kept}…`
}
