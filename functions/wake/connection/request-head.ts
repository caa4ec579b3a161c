import type { IncomingMessage } from 'node:http'
import { forwardedLines, type ForwardedFor, type Peer } from './forwarded.ts'
import { isProtected, kindOf } from './header-kind.ts'
import { targetOf } from './host.ts'

/** How a body ends: there is none, after so many bytes, or by its last chunk. */
export type RequestBody = 'none' | 'chunked' | number

export type RequestHead =
  | { readonly text: string; readonly body: RequestBody }
  | { readonly refuse: 400 | 501; readonly why: string }

type Asked = Pick<IncomingMessage, 'rawHeaders' | 'url' | 'method' | 'httpVersionMinor'>

/** What the request's own headers come to, seen one by one. */
interface Seen {
  lines: string
  host: string
  length: string | undefined
  coding: string | undefined
  trailers: boolean
  named: Set<string> | undefined
  for: string | undefined
  proto: string | undefined
  forwardedHost: string | undefined
}

export interface HeadRules {
  readonly peer: Peer
  readonly encrypted: boolean
  readonly forwardedFor: ForwardedFor
  /** `Connection: Upgrade` to WebSocket, else nothing is upgraded. */
  readonly upgrade?: boolean
}

/** The request as the instance gets it: every byte of its framing is written here, none is copied. */
export function requestHead(request: Asked, rules: HeadRules): RequestHead {
  const { method = 'GET', url = '/' } = request
  let seen = read(request.rawHeaders, rules.peer.trusted, undefined)
  if (seen.named !== undefined) seen = read(request.rawHeaders, rules.peer.trusted, seen.named)
  const body = bodyOf(seen, request.httpVersionMinor)
  if (typeof body === 'object') return body
  const said = { for: seen.for, proto: seen.proto, host: seen.forwardedHost }
  const text =
    `${method} ${targetOf(url, method)} HTTP/1.1\r\nHost: ${seen.host}\r\n${seen.lines}` +
    forwardedLines(rules.peer, said, seen.host, rules.encrypted, rules.forwardedFor) +
    framing(body) +
    hops(seen.trailers, rules.upgrade === true)
  return { text, body }
}

function read(raw: readonly string[], trusted: boolean, gone: Set<string> | undefined): Seen {
  const seen: Seen = {
    lines: '',
    host: '',
    length: undefined,
    coding: undefined,
    trailers: false,
    named: gone,
    for: undefined,
    proto: undefined,
    forwardedHost: undefined,
  }
  for (let i = 1; i < raw.length; i += 2) {
    const name = raw[i - 1] ?? ''
    const value = raw[i] ?? ''
    const kind = kindOf(name)
    if (kind === 'plain' || (kind === 'spoof' && trusted)) {
      if (gone === undefined || !gone.has(name.toLowerCase())) seen.lines += `${name}: ${value}\r\n`
    } else note(seen, kind, value)
  }
  return seen
}

function note(seen: Seen, kind: ReturnType<typeof kindOf>, value: string): void {
  switch (kind) {
    case 'host':
      seen.host = value
      break
    case 'connection':
      seen.named = namedBy(value, seen.named)
      break
    case 'length':
      seen.length = joined(seen.length, value)
      break
    case 'coding':
      seen.coding = joined(seen.coding, value)
      break
    case 'te':
      seen.trailers ||= /(?:^|,)\s*trailers\s*(?:,|$)/i.test(value)
      break
    case 'for':
      seen.for = joined(seen.for, value)
      break
    case 'proto':
      seen.proto ??= value
      break
    case 'forwarded-host':
      seen.forwardedHost ??= value
      break
    case 'plain':
    case 'hop':
    case 'spoof':
  }
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}

/** Headers that `Connection` declares to be about this hop only. */
function namedBy(value: string, before: Set<string> | undefined): Set<string> | undefined {
  const lower = value.toLowerCase()
  if (lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') return before
  const named = lower.split(',').map((name) => name.trim())
  const plain = named.filter((name) => name !== '' && !isProtected(name))
  return plain.length === 0 ? before : new Set([...(before ?? []), ...plain])
}

// Node's parser has already refused what is ambiguous (two lengths, a length beside a coding). What it lets through and we cannot
// pass on truthfully is refused here: RFC 9112 §6.1.
function bodyOf(seen: Seen, minor: number): RequestBody | Extract<RequestHead, { refuse: number }> {
  const { coding, length } = seen
  if (coding === undefined) {
    if (length === undefined) return 'none'
    return /^\d{1,15}$/.test(length) ? Number(length) : { refuse: 400, why: 'Content-Length is not one number' }
  }
  if (length !== undefined) return { refuse: 400, why: 'both Content-Length and Transfer-Encoding' }
  if (minor === 0) return { refuse: 400, why: 'Transfer-Encoding in HTTP/1.0' }
  return coding.toLowerCase() === 'chunked' ? 'chunked' : { refuse: 501, why: 'a transfer coding other than chunked' }
}

function framing(body: RequestBody): string {
  if (body === 'none') return ''
  return body === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${body}\r\n`
}

function hops(trailers: boolean, upgrade: boolean): string {
  if (upgrade) return 'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  return trailers ? 'Connection: TE\r\nTE: trailers\r\n\r\n' : '\r\n'
}
