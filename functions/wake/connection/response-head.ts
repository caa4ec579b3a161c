/** How an instance's body ends. */
export type ResponseBody = 'none' | 'chunked' | 'until close' | number

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  /** Names and values in turn, as Node's `writeHead` takes them; what is only about our hop is gone. */
  readonly headers: string[]
  readonly body: ResponseBody
  /** Whether the instance keeps its socket open for another request. */
  readonly keep: boolean
  readonly upgrade: string | undefined
  /** The names of the fields that will follow a chunked body. */
  readonly trailer: string | undefined
}

/** An answer that breaks the grammar or contradicts itself: nothing of it can be believed. */
export interface Lie {
  readonly lie: string
}

// One pass over the whole head; after it, splitting at colons and line ends cannot go wrong. RFC 9112 §4 and §5, without obs-fold.
const GRAMMAR =
  /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/
const FIELDS = /^(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/

/** What the fields that concern this hop say. */
interface Hop {
  length: string | undefined
  coding: string | undefined
  connection: string
  upgrade: string | undefined
  trailer: string | undefined
}

/** `text`: status line to empty line, both included, as latin1. `bodiless`: the request was HEAD. */
export function responseHead(text: string, bodiless: boolean): ResponseHead | Lie {
  if (!GRAMMAR.test(text)) return { lie: 'its head is not HTTP/1' }
  const lineEnd = text.indexOf('\r\n')
  const status = Number(text.slice(9, 12))
  const hop = noHop()
  const headers = fields(text, lineEnd + 2, hop)
  if (headers === undefined) return { lie: 'two lengths or two codings' }
  const body = bodyOf(hop, status, bodiless, text.charCodeAt(7) === ZERO)
  if (typeof body === 'object') return body
  const kept = without(headers, hop.connection)
  // A length on 204 means nothing, and some clients would wait for the bytes: RFC 9110 §8.6.
  if (hop.length !== undefined && status >= 200 && status !== 204) kept.push('Content-Length', hop.length)
  return {
    status,
    reason: text.slice(13, lineEnd),
    headers: kept,
    body,
    keep: body !== 'until close' && keeps(hop.connection, text.charCodeAt(7) === ZERO),
    upgrade: hop.upgrade,
    trailer: hop.trailer,
  }
}

/** A trailer section up to and including its empty line. Fields that would change what has been said already are dropped. */
export function trailerFields(text: string): string[] | Lie {
  if (!FIELDS.test(text)) return { lie: 'its trailers are not HTTP/1' }
  const hop = noHop()
  return fields(text, 0, hop) ?? { lie: 'framing in its trailers' }
}

function noHop(): Hop {
  return { length: undefined, coding: undefined, connection: '', upgrade: undefined, trailer: undefined }
}

const ZERO = 48

function fields(text: string, from: number, hop: Hop): string[] | undefined {
  const headers: string[] = []
  let start = from
  while (start < text.length - 2) {
    const end = text.indexOf('\r\n', start)
    const colon = text.indexOf(':', start)
    const name = text.slice(start, colon)
    const value = trimmed(text, colon + 1, end)
    start = end + 2
    if (!isHop(name)) headers.push(name, value)
    else if (!noteHop(name.toLowerCase(), value, hop)) return undefined
  }
  return headers
}

/** Without spaces and tabs around it. Not `trim()`: that takes 0xa0 for a space, which is the end of a UTF-8 "à". */
function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

const HOPS = new Set([
  'te',
  'trailer',
  'upgrade',
  'connection',
  'keep-alive',
  'content-length',
  'proxy-connection',
  'transfer-encoding',
])
const LENGTHS = [...HOPS].reduce((bits, name) => bits | (1 << name.length), 0)

function isHop(name: string): boolean {
  return name.length < 32 && ((LENGTHS >> name.length) & 1) === 1 && HOPS.has(name.toLowerCase())
}

function noteHop(name: string, value: string, hop: Hop): boolean {
  switch (name) {
    case 'content-length':
      if (hop.length !== undefined) return false
      hop.length = value
      return true
    case 'transfer-encoding':
      if (hop.coding !== undefined) return false
      hop.coding = value.toLowerCase()
      return true
    case 'connection':
      hop.connection = hop.connection === '' ? value.toLowerCase() : `${hop.connection},${value.toLowerCase()}`
      return true
    case 'upgrade':
      hop.upgrade = value.toLowerCase()
      return true
    case 'trailer':
      hop.trailer = value
      return true
    default:
      return true
  }
}

function bodyOf(hop: Hop, status: number, bodiless: boolean, old: boolean): ResponseBody | Lie {
  if (hop.length !== undefined && !/^\d{1,15}$/.test(hop.length)) return { lie: 'its length is no number' }
  if (hop.coding !== undefined) {
    if (hop.length !== undefined) return { lie: 'both a length and a transfer coding' }
    if (hop.coding !== 'chunked' || old) return { lie: 'a transfer coding we did not allow' }
  }
  if (bodiless || status === 204 || status === 304 || status < 200) return 'none'
  if (hop.coding !== undefined) return 'chunked'
  return hop.length === undefined ? 'until close' : Number(hop.length)
}

function keeps(connection: string, old: boolean): boolean {
  if (connection === '') return !old
  const options = connection.split(',').map((option) => option.trim())
  return !options.includes('close') && (!old || options.includes('keep-alive'))
}

/** Also without the fields that `Connection` declared to be about our hop only. */
function without(headers: string[], connection: string): string[] {
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return headers
  const named = new Set(connection.split(',').map((name) => name.trim()))
  return headers.flatMap((name, i) =>
    i % 2 === 0 && !named.has(name.toLowerCase()) ? [name, headers[i + 1] ?? ''] : [],
  )
}
