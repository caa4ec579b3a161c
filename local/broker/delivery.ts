// How often and how patiently one subscription is tried: Knative's `delivery`, without any I/O.
import type { BrokerManifest, DeliverySpec, Destination, TriggerManifest } from './manifest.ts'

export interface Delivery {
  readonly retries: number
  readonly backoff: 'linear' | 'exponential'
  readonly delayMs: number
  /** Per attempt; undefined is none. */
  readonly timeoutMs: number | undefined
  readonly format: 'binary' | 'json'
  readonly deadLetterSink: Destination | undefined
}

/** What config-br-defaults gives a Broker that says nothing. */
const brokerDefault: Delivery = {
  retries: 10,
  backoff: 'exponential',
  delayMs: 200,
  timeoutMs: undefined,
  format: 'binary',
  deadLetterSink: undefined,
}

/** A Trigger's `delivery` replaces the Broker's altogether; only the dead letter sink falls back. */
export function deliveryOf(trigger: TriggerManifest, broker: BrokerManifest): Delivery {
  const inherited = broker.spec.delivery === undefined ? brokerDefault : read(broker.spec.delivery)
  if (trigger.spec.delivery === undefined) return inherited
  const own = read(trigger.spec.delivery)
  return { ...own, deadLetterSink: own.deadLetterSink ?? inherited.deadLetterSink }
}

function read(spec: DeliverySpec): Delivery {
  return {
    retries: spec.retry,
    backoff: spec.backoffPolicy,
    delayMs: spec.backoffDelay,
    timeoutMs: spec.timeout,
    format: spec.format ?? 'binary',
    deadLetterSink: spec.deadLetterSink,
  }
}

const RETRIED = new Set([404, 408, 409, 429])

/** `undefined` is no answer at all: refused, reset, timed out. */
export function isRetried(status: number | undefined): boolean {
  return status === undefined || status >= 500 || RETRIED.has(status)
}

/** Pause before retry number `retry`, counted from 0. */
export function pauseMs(delivery: Delivery, retry: number): number {
  return delivery.backoff === 'linear' ? delivery.delayMs * retry : delivery.delayMs * 2 ** retry
}

/** Base64 of an answer's body, cut as Knative cuts it: the dead letter carries at most 1024 characters. */
export function errorData(body: Uint8Array): string {
  return Buffer.from(body).toString('base64').slice(0, 1024)
}
