// Outgoing events. The `cloudevents` package builds the headers; what it gets wrong (knative.md §2.10) is put right here.
import { createHash } from 'node:crypto'
import { CloudEvent, HTTP } from 'cloudevents'
import { checkAttributes, type Envelope } from '#shared/events/attributes.ts'
import {
  catalogue,
  dataschemaOf,
  explain,
  instanceOf,
  type EventData,
  type EventType,
} from '#shared/events/catalogue.ts'
import { encodeHeaderValue } from '#shared/events/header-value.ts'
import { isJson, parseMediaType } from '#shared/events/media-type.ts'
import { currentTraceparent } from '#shared/server/telemetry.ts'

export type EventOf<T extends EventType> = { [K in T]: Envelope<K, EventData<K>> }[T]
export type Outgoing = EventOf<EventType>

/** Either the event that is reacted to, from which the id is derived, or an id that says the same thing every time. */
export type Identity =
  | {
      readonly cause: Envelope
      readonly id?: string | undefined
      /** Tells two events of one type and one cause apart. */
      readonly step?: string | undefined
    }
  | { readonly cause?: undefined; readonly id: string; readonly step?: undefined }

export type Making<T extends EventType> = Identity & {
  readonly type: T
  /** `//functions.platxa.io/{function}` */
  readonly source: string
  readonly data: EventData<T>
  /** The instance; taken from `data.name` where there is one. */
  readonly name?: string | undefined
  /** RFC 3339; now, when left out. */
  readonly time?: string | undefined
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

/** Throws when the data does not fit the catalogue: a fault of ours, to be found by the first test that gets there. */
export function makeEvent<T extends EventType>(making: Making<T>): EventOf<T> {
  const { type, source, cause } = making
  const checked = catalogue[type].safeParse(making.data)
  if (!checked.success) throw new TypeError(`${type} cannot be made: ${explain(checked.error)}`)
  const id = making.id ?? derivedId(making)
  const name = making.name ?? instanceOf({ data: making.data })
  const attributes = {
    ...making.extensions,
    specversion: '1.0',
    id,
    source,
    type,
    subject: name && `instances/${name}`,
    time: making.time ?? new Date().toISOString(),
    datacontenttype: checked.data === undefined ? undefined : 'application/json',
    dataschema: dataschemaOf(type),
    partitionkey: name,
    correlationid: cause?.extensions['correlationid'] ?? cause?.id ?? id,
    causationid: cause?.id,
    traceparent: currentTraceparent() ?? cause?.extensions['traceparent'],
  }
  // The one place where a checked event gets the type that its `type` attribute stands for.
  return checkAttributes(withoutUndefined(attributes), checked.data) as EventOf<T>
}

/** The same cause gives the same id, in any process: a UUID of version 8 (RFC 9562 §5.8) over what identifies the cause. */
function derivedId({
  cause,
  type,
  step,
}: {
  cause?: Envelope | undefined
  type: string
  step?: string | undefined
}): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([cause?.source, cause?.id, type, step]))
    .digest()
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6)
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8)
  return digest.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export interface HttpMessage {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
}

/** Binary mode, every header value percent-encoded ASCII, no Content-Type without data. */
export function encodeEvent(event: Envelope): HttpMessage {
  const { data, extensions, datacontenttype, time, ...attributes } = event
  // Not strict: the event is checked already, and the package's own check refuses what the specification allows.
  const { headers } = HTTP.binary(new CloudEvent({ ...withoutUndefined(attributes), type: event.type }, false))
  const values = {
    ...Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('ce-'))),
    // The package makes up a time where there is none and cuts nanoseconds off the others.
    'ce-time': time,
    // Left to the package, an extension called `validate` would replace its method of that name.
    ...Object.fromEntries(Object.entries(extensions).map(([name, value]) => [`ce-${name}`, value])),
  }
  const encoded = Object.entries(withoutUndefined(values)).map(([name, value]) => [
    name,
    encodeHeaderValue(String(value)),
  ])
  const contentType = data === undefined ? undefined : (datacontenttype ?? 'application/json')
  return {
    headers: { ...Object.fromEntries(encoded), ...(contentType && { 'content-type': contentType }) },
    body: encodeData(data, contentType),
  }
}

function encodeData(data: unknown, contentType: string | undefined): string | Uint8Array | undefined {
  if (data === undefined || data instanceof Uint8Array) return data
  const mediaType = contentType === undefined ? undefined : parseMediaType(contentType)
  return typeof data === 'string' && mediaType && !isJson(mediaType) ? data : JSON.stringify(data)
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
