// The pages a visitor of a sleeping, failed or closed instance sees, as bytes that are put together once per language
// and state. A page is one response below 10 KB and asks no other host for anything.
import { STATUS_CODES } from 'node:http'
import { contentSecurityPolicy, documentOf, live, sentenceOf, type Note, type View } from './document.ts'
import { frameHeaders, plainLook, type Look } from './look.ts'
import { wordsFor } from './languages.ts'
import type { Words } from './words.ts'
import type { Marks, Phase, Trouble } from '../instance/world.ts'

export interface Page {
  readonly status: number
  readonly headers: readonly string[]
  /** Status line and headers as text, for who writes them himself. */
  readonly head: string
  /** UTF-8 as latin1, a character for each byte: so it leaves in one write with its head, without a Buffer of its own. */
  readonly body: string
}

export interface Visit {
  readonly view: View
  /** In its checked spelling (connection/host.ts): nothing in it can be markup. */
  readonly host: string
  readonly acceptLanguage: string | undefined
  /** Since the wake began. */
  readonly elapsedMs: number
  readonly retryAfterSeconds: number
}

interface Kept {
  readonly before: string
  readonly after: string
  readonly headers: readonly string[]
  readonly head: string
}

export interface Pages {
  of(visit: Visit): Page
}

/** Six languages, some thirty states: more than that is a visitor playing with us. */
const pagesKept = 400

const statusOf: Readonly<Record<View['show'], number>> = {
  waking: 503,
  failed: 503,
  starting: 503,
  suspended: 402,
  disabled: 404,
  limited: 429,
}

export function createPages(look: Look = plainLook): Pages {
  const kept = new Map<string, Kept>()

  function keep(words: Words, view: View): Kept {
    const key = keyOf(words, view)
    const known = kept.get(key)
    if (known !== undefined) return known
    const { before, after } = documentOf(words, view, look)
    const headers = headersFor(words, look)
    const status = statusOf[view.show]
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${linesOf(headers)}`
    const made = { before: bytesOf(before), after: bytesOf(after), headers, head }
    if (kept.size >= pagesKept) kept.clear()
    kept.set(key, made)
    return made
  }

  return {
    of({ view, host, acceptLanguage, elapsedMs, retryAfterSeconds }) {
      const { before, after, headers, head } = keep(wordsFor(acceptLanguage), view)
      const body = before + live(host, elapsedMs, retryAfterSeconds) + after
      const status = statusOf[view.show]
      const again = status === 503 || status === 429
      return {
        status,
        head: `${head}${again ? `Retry-After: ${retryAfterSeconds}\r\n` : ''}Content-Length: ${body.length}\r\n\r\n`,
        body,
        get headers() {
          const retry = again ? ['Retry-After', `${retryAfterSeconds}`] : []
          return [...headers, ...retry, 'Content-Length', `${body.length}`]
        },
      }
    },
  }
}

function linesOf(fields: readonly string[]): string {
  let lines = ''
  for (let i = 1; i < fields.length; i += 2) lines += `${fields[i - 1]}: ${fields[i]}\r\n`
  return lines
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function keyOf({ language }: Words, view: View): string {
  if (view.show === 'waking') return `${language} ${view.step} ${view.usualSeconds} ${view.note}`
  return view.show === 'failed' ? `${language} failed ${view.cause}` : `${language} ${view.show}`
}

function headersFor({ language }: Words, look: Look): readonly string[] {
  return [
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Language',
    language,
    'Vary',
    'Accept-Language',
    'Cache-Control',
    'no-store',
    'X-Robots-Tag',
    'noindex',
    'X-Content-Type-Options',
    'nosniff',
    'Referrer-Policy',
    'same-origin',
    'Content-Security-Policy',
    contentSecurityPolicy(look),
    ...frameHeaders(look),
  ]
}

/** How many of the page's steps are done when a wake is in this phase. */
const stepOf: Readonly<Record<Phase, number>> = {
  stopping: 0,
  requested: 0,
  accepted: 0,
  scheduled: 1,
  pulling: 1,
  starting: 2,
  database: 3,
  ready: 4,
}

/** The first of these that was seen tells when a step of the page was done: a phase may be over before anybody looked. */
const stepEnds: readonly (readonly Phase[])[] = [
  ['scheduled', 'pulling', 'starting', 'database', 'ready'],
  ['starting', 'database', 'ready'],
  ['database', 'ready'],
  ['ready'],
]

/** How long each step took that is done, in seconds. */
export function stepSeconds(marks: Marks, since: number): readonly number[] {
  const seconds: number[] = []
  let from = since
  for (const ends of stepEnds) {
    const marked = ends.map((phase) => marks[phase]).filter((mark) => mark !== undefined)
    if (marked.length === 0) break
    const at = Math.max(from, Math.min(...marked))
    seconds.push(Math.round((at - from) / 100) / 10)
    from = at
  }
  return seconds
}

/** A wake, as far as its page tells of it. */
export interface Underway {
  readonly phase: Phase
  readonly trouble: Trouble | null
  readonly usualMs: number
  readonly elapsedMs: number
}

export function wakingView(underway: Underway): View & { show: 'waking' } {
  const usualSeconds = Math.max(1, Math.round(underway.usualMs / 1000))
  return { show: 'waking', step: stepOf[underway.phase], usualSeconds, note: noteOf(underway) }
}

function noteOf({ phase, trouble, usualMs, elapsedMs }: Underway): Note {
  if (trouble !== null) return trouble.code
  if (phase === 'stopping') return 'stopping'
  return elapsedMs > usualMs * 2.5 + 5_000 ? 'slow' : 'usual'
}

/** What stands on the page of this view, for one that is open already. */
export function noteFor(acceptLanguage: string | undefined, { note, usualSeconds }: View & { show: 'waking' }): string {
  return sentenceOf(wordsFor(acceptLanguage), note, usualSeconds)
}
