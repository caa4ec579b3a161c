// Is this call a timer's? A dashboard that nobody looks at asks the same thing again and again, and looks like a person at
// work. It gives itself away by its rhythm: identical calls at one period for hours, and nothing else. Pure; the moment is an
// argument, and what is remembered of one instance is a handful of numbers.

export interface Rhythm {
  /** The last time anything came that is no timer's, as far as one can tell. */
  irregularAt: number
  /** By what is asked, the longest unasked first. */
  readonly beats: Map<number, Beat>
}

interface Beat {
  lastAt: number
  /** 0 until the second call. */
  periodMs: number
  /** Since when it has kept its period. */
  since: number
  count: number
}

/** Timers of one tab; whoever is pushed out begins anew, as a person. */
const mostBeats = 16
const fewestCalls = 12
/** Of the period. A timer is late by the length of its request and by what the machine does; a person by much more. */
const tolerance = 0.1
/** Another replica may have got the calls between, or the tab was busy. */
const mostMissed = 10
/** How much a new interval moves the period: timers drift. */
const weight = 0.2

export function newRhythm(now: number): Rhythm {
  return { irregularAt: now, beats: new Map() }
}

/** Something came that no timer of a tab sends. */
export function stir(rhythm: Rhythm, now: number): void {
  rhythm.irregularAt = now
}

/**
 * Takes one call in and says whether it is a timer's: it has kept one period for `afterMs`, nothing else came in that time,
 * and no tab has told of a human.
 */
export function isTimers(rhythm: Rhythm, what: number, now: number, humanAt: number | null, afterMs: number): boolean {
  const beat = beatOf(rhythm, what, now)
  if (beat === undefined || !keepsTime(beat, now)) stir(rhythm, now)
  if (beat === undefined) return false
  const quietSince = Math.max(beat.since, rhythm.irregularAt, humanAt ?? -Infinity)
  return beat.count >= fewestCalls && now - quietSince >= afterMs
}

/** Undefined for the first call of its kind. */
function beatOf({ beats }: Rhythm, what: number, now: number): Beat | undefined {
  const known = beats.get(what)
  beats.delete(what)
  beats.set(what, known ?? { lastAt: now, periodMs: 0, since: now, count: 1 })
  if (beats.size > mostBeats) {
    const [oldest] = beats.keys()
    if (oldest !== undefined) beats.delete(oldest)
  }
  return known
}

/** Moves the beat on, or begins it anew. */
function keepsTime(beat: Beat, now: number): boolean {
  const intervalMs = now - beat.lastAt
  const periods = beat.periodMs === 0 ? 0 : Math.round(intervalMs / beat.periodMs)
  const offMs = Math.abs(intervalMs - periods * beat.periodMs)
  const keeps = periods >= 1 && periods <= mostMissed && offMs <= tolerance * beat.periodMs
  if (keeps) {
    beat.periodMs += weight * (intervalMs / periods - beat.periodMs)
    beat.count += 1
  } else {
    beat.since = beat.lastAt
    beat.periodMs = intervalMs
    beat.count = 2
  }
  beat.lastAt = now
  return keeps
}
