// An incoming CloudEvent, read by the HTTP binding 1.0 in binary or structured mode and checked attribute by attribute.
// The `cloudevents` package is not asked: it lets 14 kinds of broken event pass (knative.md §2.10).
import { checkAttributes, isAttributeName, type Envelope } from '#shared/events/attributes.ts'
import { decodeHeaderValue } from '#shared/events/header-value.ts'
import { isJson, isText, isUtf8, parseMediaType, type MediaType } from '#shared/events/media-type.ts'
import { EventRefused } from '#shared/events/refused.ts'

export type { Envelope } from '#shared/events/attributes.ts'
export { EventRefused } from '#shared/events/refused.ts'

/** Web `Headers`, or Node's `request.headers`. */
export type HeaderBag = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** Throws `EventRefused` and nothing else. The size of the body is the caller's to bound. */
export function parseEvent(headers: HeaderBag, body: Uint8Array): Envelope {
  const entries = lowerCaseEntries(headers)
  const contentType = entries.get('content-type')
  const mediaType = contentType === undefined ? undefined : parseMediaType(contentType)
  if (contentType !== undefined && !mediaType) {
    throw new EventRefused(400, 'datacontenttype', 'is not a media type (header Content-Type)')
  }
  if (mediaType?.essence.startsWith('application/cloudevents')) return structured(mediaType, body)
  return binary(entries, contentType, mediaType, body)
}

function binary(
  entries: ReadonlyMap<string, string>,
  contentType: string | undefined,
  mediaType: MediaType | undefined,
  body: Uint8Array,
): Envelope {
  const raw: [string, unknown][] = []
  for (const [header, value] of entries) {
    if (!header.startsWith('ce-')) continue
    raw.push([header.slice(3), decodedAttribute(header.slice(3), value)])
  }
  if (contentType !== undefined) raw.push(['datacontenttype', contentType])
  const envelope = checkAttributes(Object.fromEntries(raw), undefined)
  return { ...envelope, data: body.byteLength === 0 ? undefined : decodeData(mediaType, body) }
}

function decodedAttribute(name: string, value: string): string {
  if (name === 'datacontenttype') throw new EventRefused(400, name, 'belongs in the header Content-Type')
  const decoded = decodeHeaderValue(value)
  if (decoded === undefined) throw new EventRefused(400, name, 'is not percent-encoded UTF-8')
  return decoded
}

/** Without a media type the data is taken for JSON, the only thing anybody sends here. */
function decodeData(mediaType: MediaType | undefined, body: Uint8Array): unknown {
  if (!mediaType || isJson(mediaType)) {
    if (mediaType && !isUtf8(mediaType)) throw new EventRefused(415, 'datacontenttype', 'must be UTF-8 when it is JSON')
    return parseJson(body, 'data')
  }
  if (isText(mediaType) && isUtf8(mediaType)) return decodeUtf8(body, 'data')
  return body
}

function structured(mediaType: MediaType, body: Uint8Array): Envelope {
  if (mediaType.essence === 'application/cloudevents-batch+json') {
    throw new EventRefused(415, 'content-type', 'names a batch: send one event at a time')
  }
  if (mediaType.essence !== 'application/cloudevents+json') {
    throw new EventRefused(415, 'content-type', 'names an event format that is not read here: use JSON')
  }
  if (!isUtf8(mediaType)) throw new EventRefused(415, 'content-type', 'must be UTF-8')
  const json = parseJson(body, 'envelope')
  if (!isRecord(json)) throw new EventRefused(400, 'envelope', 'must be a JSON object')
  const { data, data_base64: base64, ...rest } = json
  const present = Object.entries(rest).filter(([name, value]) => value !== null || !isAttributeName(name))
  return checkAttributes(Object.fromEntries(present), structuredData(data, base64))
}

/** JSON format 1.0 §3.1: `data` is a JSON value, `data_base64` is bytes, never both. */
function structuredData(data: unknown, base64: unknown): unknown {
  if (base64 === undefined || base64 === null) return data
  if (data !== undefined) throw new EventRefused(400, 'data_base64', 'must not stand beside data')
  if (typeof base64 !== 'string') throw new EventRefused(400, 'data_base64', 'must be a string')
  try {
    return Uint8Array.fromBase64(base64)
  } catch (cause) {
    throw new EventRefused(400, 'data_base64', 'is not base64', { cause })
  }
}

function parseJson(body: Uint8Array, attribute: string): unknown {
  const text = decodeUtf8(body, attribute)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new EventRefused(400, attribute, 'is not JSON', { cause })
  }
}

function decodeUtf8(body: Uint8Array, attribute: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw new EventRefused(400, attribute, 'is not UTF-8', { cause })
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function lowerCaseEntries(headers: HeaderBag): ReadonlyMap<string, string> {
  const entries = new Map<string, string>()
  const pairs = headers instanceof Headers ? headers.entries() : Object.entries(headers)
  for (const [name, value] of pairs) {
    if (value !== undefined) entries.set(name.toLowerCase(), typeof value === 'string' ? value : value.join(', '))
  }
  return entries
}
