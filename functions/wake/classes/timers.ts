// Which calls may be a timer's: those that a page of a signed-in browser makes by itself. An API client that comes every
// five minutes is at work, however regular it is.
import type { IncomingMessage } from 'node:http'
import type { Kind } from './classify.ts'
import { usageOf, type Entry } from '../instance/entry.ts'
import { isTimers, newRhythm, stir } from './rhythm.ts'

/** The kind after a look at the rhythm of what came before: a call that is a timer's is background. */
export function kindInTime(
  kind: Kind,
  entry: Entry,
  { request, target }: { readonly request: IncomingMessage; readonly target: string },
  now: number,
  afterMs: number,
): Kind {
  if (afterMs === 0 || (kind !== 'call' && kind !== 'page load')) return kind
  const usage = usageOf(entry)
  const session = kind === 'call' ? sessionOf(request) : undefined
  if (session === undefined) {
    if (usage.rhythm !== null) stir(usage.rhythm, now)
    return kind
  }
  usage.rhythm ??= newRhythm(now)
  const what = fingerprintOf(session, request.method ?? '', target, request.headers['content-length'] ?? '')
  return isTimers(usage.rhythm, what, now, usage.humanAt, afterMs) ? 'background' : kind
}

/** Of a call that a script of a page makes; undefined for navigations, forms and whoever is no browser. */
function sessionOf({ headers }: IncomingMessage): string | undefined {
  const mode = headers['sec-fetch-mode']
  if (mode === undefined || mode === 'navigate') return undefined
  return /(?:^|;\s*)session_id=([^;]+)/.exec(headers.cookie ?? '')?.[1]
}

/** Identical as far as the head tells. FNV-1a: two calls that fall together look like one that keeps no time. */
function fingerprintOf(...parts: readonly string[]): number {
  let hash = 0x811c9dc5
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 1) hash = Math.imul(hash ^ part.charCodeAt(at), 0x01000193)
    hash = Math.imul(hash ^ 0xff, 0x01000193)
  }
  return hash >>> 0
}
