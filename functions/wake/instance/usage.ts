// Who uses an instance, as this replica saw it. Class A requests count from their first byte here to their last.
import type { Observation } from '#shared/wake/contract.ts'
import { usageOf, type Entry } from './entry.ts'

export function began(entry: Entry): void {
  usageOf(entry).inFlight += 1
}

export function ended(entry: Entry, now: number): void {
  const usage = usageOf(entry)
  usage.inFlight -= 1
  usage.activeAt = now
}

/** Asked for by event: as good as a request, or the scanner would find it idle while it still comes up. */
export function asked(entry: Entry, now: number): void {
  usageOf(entry).activeAt = now
}

/** A tab said that its human last moved `inactivityMs` ago. */
export function moved(entry: Entry, inactivityMs: number, now: number): void {
  const usage = usageOf(entry)
  usage.humanAt = Math.max(usage.humanAt ?? 0, now - inactivityMs)
}

export function observationOf({ usage, room: { life } }: Entry, now: number): Observation {
  return {
    idleMs: ageOf(usage?.activeAt, now),
    inFlight: usage?.inFlight ?? 0,
    humanIdleMs: ageOf(usage?.humanAt, now),
    awakeMs: life.is === 'awake' ? ageOf(life.since, now) : null,
  }
}

/** The last sign of a person or an API client, as far as this replica knows; now, while a request is in flight. */
export function lastUsedAt({ usage }: Entry, now: number): number | undefined {
  if (usage === null) return undefined
  if (usage.inFlight > 0) return now
  const at = Math.max(usage.activeAt ?? -Infinity, usage.humanAt ?? -Infinity)
  return Number.isFinite(at) ? at : undefined
}

function ageOf(at: number | null | undefined, now: number): number | null {
  return at === null || at === undefined ? null : Math.max(0, Math.round(now - at))
}
