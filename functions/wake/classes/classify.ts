// What a request says about people: one table over method, path and headers, for Odoo 14 to 19. Anything unknown is
// activity: waking once too often costs money, missing a person costs the person.
import type { IncomingHttpHeaders } from 'node:http'
import type { ClientKind } from '#shared/instance/why.ts'
import { classTable } from './class-table.ts'
import { parseRows, type HeaderRow, type Row, type RowKind } from './classes.ts'
import { globOf, pathGlobOf } from './glob.ts'

/**
 * A  a person or an API client at work: counts as activity, wakes a sleeper.
 * B  chatter of open tabs, monitors and crawlers: neither.
 * C  parts of a page (assets, images): says nothing alone.
 */
export type Class = 'A' | 'B' | 'C'

export type Kind =
  /** A browser opens a page: it can be shown the loading page. */
  | 'page load'
  /** Any other activity: forms, clicks in an open tab, API clients, webhooks. It can only be held. */
  | 'call'
  | Exclude<RowKind, 'activity'>

export function classOf(kind: Kind): Class {
  if (kind === 'page load' || kind === 'call') return 'A'
  return kind === 'asset' ? 'C' : 'B'
}

export type Classify = (method: string, target: string, headers: IncomingHttpHeaders) => Kind

/** The operator's own rows come first: they may say otherwise than the built-in ones. */
export function createClassify(own: readonly Row[] = []): Classify {
  const { rows, faults } = parseRows(classTable)
  if (faults.length > 0) throw new Error(`the built-in table: ${faults.join('; ')}`)
  const rules = [...own, ...rows].map(ruleOf)
  const methods = new Set(rules.flatMap((rule) => rule.methods))
  const tables = new Map([...methods].map((method) => [method, tableOf(rules, method)]))
  const others = tableOf(rules, undefined)
  return (method, target, headers) => {
    const found = look(tables.get(method) ?? others, pathOf(target), headers)
    if (found !== 'activity') return found
    return method === 'GET' && isNavigation(headers) ? 'page load' : 'call'
  }
}

/** By the built-in rows alone. */
export const classify = createClassify()

interface Rule {
  readonly index: number
  readonly kind: RowKind
  readonly methods: readonly string[]
  /** Of a row that names one whole path. */
  readonly exact: string | undefined
  readonly fits: (path: string) => boolean
  readonly asks: readonly ((headers: IncomingHttpHeaders) => boolean)[]
}

function ruleOf({ kind, methods, path, headers }: Row, index: number): Rule {
  const exact = path.includes('*') ? undefined : path
  const fits = path === '*' ? () => true : fitsPath(path)
  return { index, kind, methods, exact, fits, asks: headers.map(askOf) }
}

function fitsPath(path: string): (path: string) => boolean {
  const folder = path.slice(0, -1)
  return path.endsWith('/*') && !folder.includes('*') ? (given) => given.startsWith(folder) : pathGlobOf(path)
}

/** Edges of the text count as edges of a word. */
function askOf({ name, patterns }: HeaderRow): (headers: IncomingHttpHeaders) => boolean {
  const globs = patterns.map(globOf)
  const holds = remembered((value) =>
    globs.some((fits) => fits(` ${value.toLowerCase()} `) || fits(value.toLowerCase())),
  )
  return (headers) => {
    const value = headers[name]
    return typeof value === 'string' && holds(value)
  }
}

const valuesKept = 2000
const longestKept = 300

/** The same few thousand user agents come again and again; a look-up is 20 times cheaper than the patterns. */
function remembered(holds: (value: string) => boolean): (value: string) => boolean {
  const known = new Map<string, boolean>()
  return (value) => {
    const before = known.get(value)
    if (before !== undefined) return before
    const now = holds(value)
    if (value.length > longestKept) return now
    if (known.size >= valuesKept) known.clear()
    known.set(value, now)
    return now
  }
}

/** The rows of one method: whole paths are looked up, the others tried in turn. */
interface Table {
  readonly exact: ReadonlyMap<string, readonly Rule[]>
  readonly others: readonly Rule[]
}

function tableOf(rules: readonly Rule[], method: string | undefined): Table {
  const mine = rules.filter(({ methods }) => methods.length === 0 || (method !== undefined && methods.includes(method)))
  const whole = mine.flatMap((rule) => (rule.exact === undefined ? [] : [{ ...rule, exact: rule.exact }]))
  return { exact: Map.groupBy(whole, ({ exact }) => exact), others: mine.filter(({ exact }) => exact === undefined) }
}

function look({ exact, others }: Table, path: string, headers: IncomingHttpHeaders): RowKind {
  const whole = exact.get(path)?.find(({ asks }) => asks.every((ask) => ask(headers)))
  for (const rule of others) {
    if (whole !== undefined && whole.index < rule.index) break
    if (rule.fits(path) && rule.asks.every((ask) => ask(headers))) return rule.kind
  }
  return whole?.kind ?? 'activity'
}

/** Browsers of before 2021 send no `Sec-Fetch-Mode`; a service worker sends `navigate` on with an empty destination. */
function isNavigation(headers: IncomingHttpHeaders): boolean {
  const mode = headers['sec-fetch-mode']
  return (mode === undefined || mode === 'navigate') && (headers.accept?.includes('text/html') ?? false)
}

/** The path without query, with doubled slashes made one, as Odoo's router sees it. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/)
  const path = end === -1 ? target : target.slice(0, end)
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
}

/** What may be told about a path: its first two names, for a reader who asks why an instance is awake. */
export function prefixOf(target: string): string {
  return pathOf(target).split('/', 3).join('/').slice(0, 60) || '/'
}

/** Who asks, as far as the head tells: a click in an open tab is a fetch of a browser. */
export function clientOf(kind: Kind, headers: IncomingHttpHeaders): ClientKind {
  if (kind === 'page load') return 'browser'
  const isBrowser = headers['sec-fetch-mode'] !== undefined || (headers['user-agent'] ?? '').startsWith('Mozilla/')
  return isBrowser ? 'open tab' : 'API client'
}
