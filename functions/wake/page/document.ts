// One page as text. Everything that differs between two visits of the same kind stands in one place, so that the rest
// can be kept as bytes.
import { createHash } from 'node:crypto'
import { script } from './script.ts'
import type { Look } from './look.ts'
import { styleOf } from './style.ts'
import type { Cause, Steps, Words } from './words.ts'

export type View =
  | { readonly show: 'waking'; readonly step: number; readonly usualSeconds: number; readonly note: Note }
  | { readonly show: 'failed'; readonly cause: Cause }
  | { readonly show: 'suspended' | 'disabled' | 'limited' | 'starting' }

/** What stands below the headline of a wake: the usual time, or what holds it up. */
export type Note = 'usual' | 'slow' | 'stopping' | Cause

export interface Document {
  readonly before: string
  readonly after: string
}

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Nothing from elsewhere, nothing inline but our own two pieces, no way to send a form. */
export function contentSecurityPolicy(look: Look): string {
  return [
    `default-src 'none'`,
    `script-src ${hash(script)}`,
    `style-src ${hash(styleOf(look))}`,
    `connect-src 'self'`,
    `img-src data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors ${look.frameAncestors.join(' ')}`,
  ].join('; ')
}

/** Between `before` and `after` belongs `live(…)`. */
export function documentOf(words: Words, view: View, look: Look): Document {
  const mark = '\u0000'
  const [before = '', after = ''] = wholeDocument(words, view, look, mark).split(mark)
  return { before, after }
}

/** The part that differs: attributes of `main` and the host, which has been checked to be a host name. */
export function live(host: string, elapsedMs: number, retryAfterSeconds: number): string {
  return ` data-elapsed="${Math.round(elapsedMs / 100) / 10}" data-retry="${retryAfterSeconds}"><p class="host" dir="ltr">${host}</p>`
}

function wholeDocument(words: Words, view: View, look: Look, mark: string): string {
  const { title, body, attributes } = contentOf(words, view, look)
  const refresh = view.show === 'waking' || view.show === 'starting' ? 4 : view.show === 'failed' ? 20 : undefined
  return [
    `<!doctype html><html lang="${words.language}" dir="${words.direction}"><head><meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">`,
    refresh === undefined ? '' : `<noscript><meta http-equiv="refresh" content="${refresh}"></noscript>`,
    `<title>${text(title)}</title><link rel="icon" href="data:,"><style>${styleOf(look)}</style></head><body>`,
    `<main ${attributes}${mark}${body}${brandOf(look)}</main>`,
    refresh === undefined ? '' : `<script>${script}</script>`,
    `</body></html>`,
  ].join('')
}

interface Content {
  readonly title: string
  readonly body: string
  readonly attributes: string
}

function contentOf(words: Words, view: View, look: Look): Content {
  switch (view.show) {
    case 'waking':
      return wakingContent(words, view.step, view.usualSeconds, view.note)
    case 'failed':
      return failedContent(words, view.cause, look)
    case 'suspended':
    case 'disabled':
    case 'limited':
    case 'starting':
      return plainContent(view.show, words[view.show].what, words[view.show].advice)
  }
}

function wakingContent(words: Words, step: number, usualSeconds: number, note: Note): Content {
  const body = [
    picture,
    `<h1>${text(words.waking)}</h1><p>${text(words.lead)}</p>`,
    steps(words.steps, step),
    `<div class="bar" aria-hidden="true"><i></i></div><p id="heard" role="status"></p>`,
    `<p class="small" id="time" dir="ltr" aria-hidden="true"></p><p class="small" id="note" role="status">${text(sentenceOf(words, note, usualSeconds))}</p>`,
    // With a fragment in the address some browsers take the refresh for a jump within the page; the link still works.
    `<noscript><p class="small">${text(words.noscript)} <a href="">${text(words.again)}</a></p></noscript>`,
  ].join('')
  return {
    title: words.waking,
    body,
    attributes: `data-state="waking" data-usual="${usualSeconds}"`,
  }
}

export function sentenceOf(words: Words, note: Note, usualSeconds: number): string {
  if (note === 'usual') return words.usual.replace('{n}', String(usualSeconds))
  return note === 'slow' || note === 'stopping' ? words[note] : sayingOf(words, note)
}

/** What happened and what to do, in one go. */
function sayingOf(words: Words, cause: Cause): string {
  const { what, advice } = words.causes[cause]
  return `${what} ${advice}`
}

function failedContent(words: Words, cause: Cause, look: Look): Content {
  const { what, advice } = words.causes[cause]
  const body = [
    picture,
    `<h1>${text(words.failed)}</h1><p role="alert">${text(what)}</p><p>${text(advice)}</p>`,
    `<a class="again" href="">${text(words.again)}</a><p class="small" id="next"></p>`,
    `<p class="small">${text(words.tell)} <code dir="ltr">${cause}</code></p>${helpOf(look)}`,
  ].join('')
  return {
    title: words.failed,
    body,
    attributes: `class="bad" data-state="failed" data-usual="10" data-next="${text(words.next)}"`,
  }
}

function plainContent(state: string, title: string, advice: string): Content {
  return { title, body: `${picture}<h1>${text(title)}</h1><p>${text(advice)}</p>`, attributes: `data-state="${state}"` }
}

/** Below everything in the text, above everything on the screen. */
function brandOf({ name, logo }: Look): string {
  if (name === undefined && logo === undefined) return ''
  const picture = logo === undefined ? '' : `<img src="${logo}" alt="">`
  return `<p class="brand">${picture}${text(name ?? '')}</p>`
}

function helpOf({ support }: Look): string {
  if (support === undefined) return ''
  const shown = support.replace(/^(?:mailto:|https:\/\/)/i, '').replace(/[?#].*$|\/$/, '')
  return `<p class="small"><a href="${text(support)}" dir="ltr">${text(shown)}</a></p>`
}

function steps(names: Steps, current: number): string {
  const items = [names.scheduled, names.pulling, names.starting, names.database, names.ready].map((name, i) => {
    const state = i < current ? ' class="done"' : i === current ? ' class="now" aria-current="step"' : ''
    return `<li${state}>${text(name)}</li>`
  })
  return `<ol>${items.join('')}</ol>`
}

const picture = [
  `<svg viewBox="0 0 148 148" aria-hidden="true"><defs><clipPath id="o"><circle cx="74" cy="74" r="72"/></clipPath>`,
  `<linearGradient id="d" x2="0" y2="1"><stop stop-color="var(--sky1)"/><stop offset=".78" stop-color="var(--sky2)"/></linearGradient></defs>`,
  `<g clip-path="url(#o)"><rect width="148" height="148" fill="url(#d)"/><rect class="night" width="148" height="148" fill="var(--night)"/>`,
  `<g class="night stars" fill="#fff"><circle cx="38" cy="40" r="1.6"/><circle cx="62" cy="24" r="1.2"/><circle cx="96" cy="34" r="1.7"/>`,
  `<circle cx="116" cy="58" r="1.2"/><circle cx="30" cy="70" r="1.2"/><circle cx="82" cy="56" r="1"/></g>`,
  `<g class="sun"><circle cx="74" cy="66" r="34" fill="var(--sun)" opacity=".25"/><circle cx="74" cy="66" r="23" fill="var(--sun)"/></g>`,
  `<path d="M0 112q38-22 76-6t72-8v50H0z" fill="var(--hill)"/><path d="M0 126q46-14 88 0t60-2v24H0z" fill="var(--night)" opacity=".55"/></g></svg>`,
].join('')

function text(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
