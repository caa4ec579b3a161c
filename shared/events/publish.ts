import type { Envelope } from '#shared/events/attributes.ts'
import type { Log } from '#shared/server/log.ts'

export interface Publisher {
  /** Resolves when the sink answered 2xx; a synchronous broker does so after the last subscriber's last retry. */
  publish(event: Envelope, options: { readonly signal: AbortSignal }): Promise<void>
}

export interface PublisherOptions {
  /** `K_SINK`: the ingress of the broker. */
  readonly sink: string
  /** `K_CE_OVERRIDES`: JSON with `extensions` that are added to every event. */
  readonly overrides?: string | undefined
  readonly log: Log
}

export class PublishError extends Error {
  override readonly name = 'PublishError'
  readonly sink: string
  /** Undefined when no answer came. */
  readonly status: number | undefined
  readonly eventId: string
  readonly eventType: string

  constructor(sink: string, event: Envelope, status: number | undefined, fault: string, options?: ErrorOptions) {
    super(`${event.type} ${event.id} could not be published to ${sink}: ${fault}`, options)
    this.sink = sink
    this.status = status
    this.eventId = event.id
    this.eventType = event.type
  }
}

export function createPublisher(options: PublisherOptions): Publisher {
  throw new Error(`not written yet: ${options.sink}`)
}
