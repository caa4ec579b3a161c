// What the broker gave up on, in words: which event, who could not take it, and what they answered.
import { instanceOf } from '#shared/events/catalogue.ts'
import type { Envelope } from '#shared/events/envelope.ts'

export interface Obituary {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly instance: string | undefined
  /** URL of the subscriber that failed, as Knative says it in `knativeerrordest`. */
  readonly destination: string | undefined
  /** Last status the subscriber gave. */
  readonly code: string | undefined
  /** What it answered, decoded: Knative sends at most 1024 characters of base64. */
  readonly answer: string | undefined
}

export function obituaryOf(event: Envelope): Obituary {
  const { knativeerrordest, knativeerrorcode, knativeerrordata } = event.extensions
  return {
    id: event.id,
    type: event.type,
    source: event.source,
    instance: instanceOf(event),
    destination: knativeerrordest,
    code: knativeerrorcode,
    answer: knativeerrordata === undefined ? undefined : decode(knativeerrordata),
  }
}

/** One sentence for a person. */
export function sentenceOf({ type, id, destination, code, answer }: Obituary): string {
  const said = [code, answer].filter((part) => part !== undefined && part !== '').join(' ')
  return `${destination ?? 'A subscriber'} did not take ${type} ${id}${said === '' ? '' : `: ${said}`}`
}

/** Base64 as Knative writes it; text as older versions wrote it. What is neither is shown as it came. */
function decode(data: string): string {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(data) || data.length % 4 !== 0) return data
  try {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return data
  }
}
