/** How an instance's body ends. */
export type ResponseBody = 'none' | 'chunked' | 'until close' | number

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly body: ResponseBody
  /** Whether the instance keeps its socket open for another request. */
  readonly keep: boolean
  readonly upgrade: string | undefined
  /** The names of the fields that will follow a chunked body. */
  readonly trailer: string | undefined
  /** Status line to empty line, as it came. */
  readonly text: string
  /** Nothing in it is only about our hop: a client may get it as it came. */
  readonly passable: boolean
  /** What `Connection` said, in lower case. */
  readonly connection: string
}

/** An answer that breaks the grammar or contradicts itself: nothing of it can be believed. */
export interface Lie {
  readonly lie: string
}

// One pass over the whole head; after it, splitting at colons and line ends cannot go wrong. RFC 9112 §4 and §5, without obs-fold.
const GRAMMAR =
  /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/
const FIELDS = /^(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/
// What frames the message or concerns this hop. Never the status line: it has no line end before it.
const HOP_FIELD =
  /\r\n(te|trailer|upgrade|connection|keep-alive|content-length|proxy-connection|transfer-encoding):[\t ]*([^\r]*)/gi

/** What the fields that concern this hop say. */
interface Hop {
  length: string | undefined
  coding: string | undefined
  connection: string
  upgrade: string | undefined
  trailer: string | undefined
  /** There is more of them than a length. */
  more: boolean
}

/** `text`: status line to empty line, both included, as latin1. `bodiless`: the request was HEAD. */
export function responseHead(text: string, bodiless: boolean): ResponseHead | Lie {
  if (!GRAMMAR.test(text)) return { lie: 'its head is not HTTP/1' }
  const hop = hopOf(text)
  if (hop === undefined) return { lie: 'two lengths or two codings' }
  const status = Number(text.slice(9, 12))
  const old = text.charCodeAt(7) === ZERO
  const body = bodyOf(hop, status, bodiless, old)
  if (typeof body === 'object') return body
  return {
    status,
    reason: text.slice(13, text.indexOf('\r\n')),
    body,
    keep: body !== 'until close' && keeps(hop.connection, old),
    upgrade: hop.upgrade,
    trailer: hop.trailer,
    text,
    passable: !hop.more && !old && (status !== 204 || hop.length === undefined),
    connection: hop.connection,
  }
}

/** Names and values in turn, as Node's `writeHead` takes them, without what is only about our hop. */
export function fieldsOf(head: ResponseHead): string[] {
  const named = new Set(head.connection.split(',').map((name) => name.trim()))
  const kept: string[] = []
  const all = split(head.text, head.text.indexOf('\r\n') + 2)
  for (let i = 1; i < all.length; i += 2) {
    const [name = '', value = ''] = [all[i - 1], all[i]]
    const lower = name.toLowerCase()
    // A length on 204 means nothing, and some clients would wait for the bytes: RFC 9110 §8.6.
    if (
      lower === 'content-length' ? head.status >= 200 && head.status !== 204 : !HOPS.has(lower) && !named.has(lower)
    ) {
      kept.push(name, value)
    }
  }
  return kept
}

/** A trailer section up to and including its empty line. Fields that would change what has been said already are dropped. */
export function trailerFields(text: string): string[] | Lie {
  if (!FIELDS.test(text)) return { lie: 'its trailers are not HTTP/1' }
  const all = split(text, 0)
  return all.filter((_, i) => !HOPS.has((all[i - (i % 2)] ?? '').toLowerCase()))
}

const ZERO = 48
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

/** Undefined when framing is said twice. */
function hopOf(text: string): Hop | undefined {
  const hop: Hop = {
    length: undefined,
    coding: undefined,
    connection: '',
    upgrade: undefined,
    trailer: undefined,
    more: false,
  }
  HOP_FIELD.lastIndex = 0
  for (let found = HOP_FIELD.exec(text); found !== null; found = HOP_FIELD.exec(text)) {
    if (!note(hop, (found[1] ?? '').toLowerCase(), trimmedEnd(found[2] ?? ''))) return undefined
  }
  return hop
}

function note(hop: Hop, name: string, value: string): boolean {
  if (name === 'content-length') {
    if (hop.length !== undefined) return false
    hop.length = value
    return true
  }
  hop.more = true
  switch (name) {
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

/** Lines that the grammar has let through → names and values. */
function split(text: string, from: number): string[] {
  const fields: string[] = []
  for (let start = from; start < text.length - 2;) {
    const end = text.indexOf('\r\n', start)
    const colon = text.indexOf(':', start)
    let valueAt = colon + 1
    while (isBlank(text.charCodeAt(valueAt))) valueAt++
    fields.push(text.slice(start, colon), trimmedEnd(text.slice(valueAt, end)))
    start = end + 2
  }
  return fields
}

/** Without spaces and tabs behind it. Not `trim()`: that takes 0xa0 for a space, which is the end of a UTF-8 "à". */
function trimmedEnd(value: string): string {
  let end = value.length
  while (end > 0 && isBlank(value.charCodeAt(end - 1))) end--
  return end === value.length ? value : value.slice(0, end)
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}
