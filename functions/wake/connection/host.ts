import type { IncomingMessage } from 'node:http'

/** The host a request is meant for, in the one spelling we compare: lower case, without port and trailing dot. */
export type HostOf = { readonly host: string } | { readonly refuse: 400 | 414 | 431; readonly why: string }

type Asked = Pick<IncomingMessage, 'rawHeaders' | 'url' | 'method'>

const NAME = /^([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_-])?|\[[0-9a-f:.]+\])\.?(?::[0-9]{0,5})?$/i
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i
const LONGEST_TARGET = 16 * 1024 // half of what the server takes for the whole head
// Node reads over what comes after 2,000 headers, framing included: nothing may pass that it has not shown us whole.
const MOST_HEADERS = 500
const LONGEST = 262 // 255 for the name, a colon, five digits, one dot

/** RFC 9112 §3.2: exactly one Host; where the request line names a host too, it must be the same one. */
export function hostOf(request: Asked): HostOf {
  const { rawHeaders, url = '', method } = request
  if (url.length > LONGEST_TARGET) return refuse('the request target is too long', 414)
  if (rawHeaders.length > 2 * MOST_HEADERS) return refuse('too many headers', 431)
  let named: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name === undefined || name.length !== 4 || name.toLowerCase() !== 'host') continue
    if (named !== undefined) return refuse('two Host headers')
    named = rawHeaders[i + 1]
  }
  if (named === undefined) return refuse('no Host header')
  const host = normal(named)
  if (host === undefined) return refuse('the Host header names no host')
  if (url.charCodeAt(0) === SLASH) return { host }
  if (url === '*') return method === 'OPTIONS' ? { host } : refuse('only OPTIONS may ask for *')
  const absolute = ABSOLUTE.exec(url)
  if (absolute === null) return refuse('the request target is neither a path nor an http address')
  return normal(absolute[1] ?? '') === host ? { host } : refuse('the request target and Host name different hosts')
}

/** The part of a request target that goes to the instance: RFC 9112 §3.2.1, a path or `*`. */
export function targetOf(url: string, method: string | undefined): string {
  if (url.charCodeAt(0) === SLASH || url === '*') return url
  const rest = url.replace(ABSOLUTE, '')
  if (rest.startsWith('/')) return rest
  return rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`
}

const SLASH = 47

/** The same few hosts come again and again. */
const known = new Map<string, string>()
const MOST_KNOWN = 1_000

function normal(named: string): string | undefined {
  const seen = known.get(named)
  if (seen !== undefined) return seen
  if (named.length > LONGEST) return undefined
  const host = NAME.exec(named)?.[1]?.toLowerCase()
  if (host === undefined || host.includes('..') || host.endsWith('.')) return undefined
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(named, host)
  return host
}

function refuse(why: string, status: 400 | 414 | 431 = 400): HostOf {
  return { refuse: status, why }
}
