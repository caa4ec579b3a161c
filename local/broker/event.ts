// An event as the broker sees it: attributes and bytes, nothing interpreted. Knative's broker writes attribute values as
// they came (no percent-encoding is added or taken away), so values stay in their wire form: bytes read as latin1.

export interface BrokerEvent {
  /** `ce-` headers without the prefix: specversion, id, source, type, extensions. */
  readonly attributes: Readonly<Record<string, string>>
  readonly contentType: string | undefined
  readonly body: Uint8Array
}

/** What the broker's ingress answers 400 to. */
export class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent'
}

/** Whether a message claims to be a CloudEvent at all; an answer that does not must be empty. */
export function isCloudEvent(headers: Headers): boolean {
  return headers.has('ce-specversion') || isStructured(headers)
}

/** Reads a binary or structured event and refuses what Knative's SDK for Go refuses. Throws InvalidEvent. */
export function readEvent(headers: Headers, body: Uint8Array): BrokerEvent {
  if (!isCloudEvent(headers)) throw new InvalidEvent('neither ce-specversion nor application/cloudevents+json')
  const event = isStructured(headers) ? readStructured(body) : readBinary(headers, body)
  validate(event.attributes)
  return event
}

/** Headers of the binary mode, ready to be written. */
export function binaryHeaders(event: BrokerEvent): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(event.attributes)) headers[`ce-${name}`] = value
  if (event.contentType !== undefined) headers['content-type'] = event.contentType
  return headers
}

/** The body of the structured JSON mode, for a Trigger with `delivery.format: json`. */
export function structuredBody(event: BrokerEvent): string {
  const attributes = Object.fromEntries(Object.entries(event.attributes).map(([name, value]) => [name, toText(value)]))
  const type = event.contentType === undefined ? {} : { datacontenttype: event.contentType }
  if (event.body.length === 0) return JSON.stringify({ ...attributes, ...type })
  if (!isJson(event.contentType)) {
    return JSON.stringify({ ...attributes, ...type, data_base64: Buffer.from(event.body).toString('base64') })
  }
  return JSON.stringify({ ...attributes, ...type, data: JSON.parse(Buffer.from(event.body).toString()) })
}

/** The same event with other attributes; `undefined` takes one away. */
export function withAttributes(event: BrokerEvent, changes: Record<string, string | undefined>): BrokerEvent {
  const attributes: Record<string, string> = { ...event.attributes }
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete attributes[name]
    else attributes[name] = value
  }
  return { ...event, attributes }
}

/** A wire value as a person reads it. */
export function toText(wire: string): string {
  return Buffer.from(wire, 'latin1').toString('utf8')
}

function toWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function isStructured(headers: Headers): boolean {
  return mediaType(headers.get('content-type')) === 'application/cloudevents+json'
}

function mediaType(contentType: string | null | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

function isJson(contentType: string | undefined): boolean {
  return contentType === undefined || /^(application|text)\/(.+\+)?json$/.test(mediaType(contentType))
}

function readBinary(headers: Headers, body: Uint8Array): BrokerEvent {
  const attributes: Record<string, string> = {}
  for (const [name, value] of headers) if (name.startsWith('ce-')) attributes[name.slice(3)] = value
  return { attributes, contentType: headers.get('content-type') ?? undefined, body }
}

function readStructured(body: Uint8Array): BrokerEvent {
  const { data, data_base64: base64, datacontenttype, ...rest } = parseObject(body)
  const attributes: Record<string, string> = {}
  for (const [name, value] of Object.entries(rest)) if (value !== null) attributes[name] = attributeText(name, value)
  const contentType = typeof datacontenttype === 'string' ? datacontenttype : undefined
  if (typeof base64 === 'string') return { attributes, contentType, body: Buffer.from(base64, 'base64') }
  if (data === undefined) return { attributes, contentType, body: new Uint8Array() }
  const text = typeof data === 'string' && !isJson(contentType) ? data : JSON.stringify(data)
  return { attributes, contentType: contentType ?? 'application/json', body: Buffer.from(text) }
}

function parseObject(body: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body).toString())
  } catch (error) {
    throw new InvalidEvent('the body is not JSON', { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidEvent('the body is not a JSON object')
  }
  return { ...value }
}

function attributeText(name: string, value: unknown): string {
  if (typeof value === 'string') return toWire(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new InvalidEvent(`${name}: an attribute is a string, a number or a boolean`)
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

function validate(attributes: Readonly<Record<string, string>>): void {
  const { specversion, time, subject } = attributes
  if (specversion !== '1.0' && specversion !== '0.3') throw new InvalidEvent(`specversion: ${specversion} is unknown`)
  for (const name of ['id', 'source', 'type']) {
    if ((attributes[name] ?? '').trim() === '') throw new InvalidEvent(`${name}: MUST be a non-empty string`)
  }
  if (subject?.trim() === '') throw new InvalidEvent('subject: if present, MUST be a non-empty string')
  if (time !== undefined && (!RFC3339.test(time) || Number.isNaN(Date.parse(time)))) {
    throw new InvalidEvent('time: MUST follow RFC 3339')
  }
  for (const name of Object.keys(attributes)) {
    if (!/^[a-z0-9]+$/.test(name)) throw new InvalidEvent(`${name}: a name has lower-case letters and digits only`)
  }
}
