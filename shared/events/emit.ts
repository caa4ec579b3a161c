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
import { currentTraceparent } from '#shared/server/telemetry.ts'

export type EventOf<T extends EventType> = { [K in T]: Envelope<K, EventData<K>> }[T]
export type Outgoing = EventOf<EventType>

/** Either the event that is reacted to, from which the id is derived, or an id that says the same thing every time. */
export type Identity =
  | {
      readonly cause: Envelope
      readonly id?: string
      /** Tells two events of one type and one cause apart. */ readonly step?: string
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

/** Throws when the data does not match the catalogue: a fault of ours, to be found by the first test that gets there. */
export function makeEvent<T extends EventType>(making: Making<T>): EventOf<T> {
  throw new Error(`not written yet: ${making.type}`)
}

export interface HttpMessage {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer> | undefined
}

/** Binary mode. */
export function encodeEvent(event: Envelope): HttpMessage {
  throw new Error(`not written yet: ${event.type}`)
}
