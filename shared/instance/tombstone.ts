// What is left of a removed instance: a ConfigMap beside the functions that says which revision took it away. A late
// `instance.requested` finds it and does not bring the instance back. Written before anything is taken down, so that it
// also keeps everybody else off a removal that was cut off.
import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { fieldManager, labelKeys, tombstoneOf } from './names.ts'
import type { Desired } from './object.ts'

export interface Tombstone {
  /** Of the removal. */
  readonly revision: number
  /** Of the namespace that was, or is being, removed. */
  readonly uid: string
}

export function tombstone(
  name: string,
  { revision, uid }: Tombstone,
  at: Temporal.Instant,
  functionsNamespace: string,
): Desired<ConfigMap> {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: tombstoneOf(name),
      namespace: functionsNamespace,
      labels: {
        [labelKeys.instance]: name,
        [labelKeys.managedBy]: fieldManager,
        [labelKeys.partOf]: 'platxa',
        [labelKeys.removedIn]: monthOf(at),
      },
    },
    data: { revision: String(revision), uid, removedAt: at.toString({ smallestUnit: 'second' }) },
  }
}

export function readTombstone({ data = {} }: ConfigMap): Tombstone | undefined {
  const { revision = '', uid } = data
  return uid !== undefined && /^\d{1,15}$/.test(revision) ? { revision: Number(revision), uid } : undefined
}

/** Selects those of neither this month nor the last: no broker has an event that old. */
export function oldTombstones(now: Temporal.Instant): string {
  const key = labelKeys.removedIn
  return `${key},${key} notin (${monthOf(now)},${monthOf(now, 1)})`
}

/** `2026-11`, in UTC. */
function monthOf(at: Temporal.Instant, monthsBefore = 0): string {
  return at.toZonedDateTimeISO('UTC').toPlainDate().toPlainYearMonth().subtract({ months: monthsBefore }).toString()
}
