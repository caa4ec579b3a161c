// Knative's in-memory broker on one laptop: follows the Broker and Trigger manifests, keeps nothing on disk.
// Like the real one (synchronous channel) it answers a publisher only when every matching Trigger is done with the event,
// retries and dead letter included.
import type { Target } from './attempt.ts'
import { deliveryOf } from './delivery.ts'
import { dispatch, type Subscription } from './dispatch.ts'
import { type BrokerEvent, toText, withAttributes } from './event.ts'
import { wants } from './filter.ts'
import type { BrokerManifest, Destination, TriggerManifest } from './manifest.ts'
import { createMemory, type Memory, type OpenRecord } from './memory.ts'

export interface BrokerOptions {
  readonly brokers: readonly BrokerManifest[]
  readonly triggers: readonly TriggerManifest[]
  readonly resolve: (destination: Destination, namespace: string) => Target
  readonly memory?: Memory
}

export interface Broker {
  /** Answers what the ingress answers: 202, 400 (hops used up), 404 (no such broker), 500 (not delivered). */
  publish(event: BrokerEvent, to: BrokerName, options: { signal: AbortSignal; from?: string }): Promise<number>
  readonly memory: Memory
}

export interface BrokerName {
  readonly namespace: string
  readonly name: string
}

/** How often an event may be answered by another one before the chain is cut. */
const MAX_HOPS = 255
const FAN_OUT_LIMIT_MS = 15 * 60_000

export function createBroker({ brokers, triggers, resolve, memory = createMemory() }: BrokerOptions): Broker {
  const broker: Broker = { publish, memory }
  return broker

  async function publish(
    event: BrokerEvent,
    to: BrokerName,
    { signal, from = 'ingress' }: { signal: AbortSignal; from?: string },
  ): Promise<number> {
    const manifest = brokers.find(({ metadata }) => metadata.namespace === to.namespace && metadata.name === to.name)
    if (manifest === undefined) return 404
    const arrived = countHop(event)
    if (arrived === undefined) return 400
    const record = memory.open({ at: Date.now(), from, ...summary(event) })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(FAN_OUT_LIMIT_MS)])
    const outcomes = await Promise.all(
      triggers
        .filter(({ metadata, spec }) => metadata.namespace === to.namespace && spec.broker === to.name)
        .filter(({ spec }) => wants(spec, arrived))
        .map((trigger) => deliver(arrived, subscriptionOf(trigger, manifest), { to, record, signal: limit })),
    )
    const status = outcomes.every(Boolean) ? 202 : 500
    record.answered(status)
    return status
  }

  function deliver(
    event: BrokerEvent,
    subscription: Subscription,
    { to, record, signal }: { to: BrokerName; record: OpenRecord; signal: AbortSignal },
  ): Promise<boolean> {
    const deps = {
      resolve,
      republish: (reply: BrokerEvent, from: string, replySignal: AbortSignal) =>
        publish(reply, to, { from, signal: replySignal }),
      note: (delivery: Parameters<OpenRecord['delivery']>[1]) => record.delivery(subscription.trigger, delivery),
    }
    return dispatch(event, subscription, deps, signal)
  }
}

function subscriptionOf(trigger: TriggerManifest, broker: BrokerManifest): Subscription {
  return {
    trigger: trigger.metadata.name,
    namespace: trigger.metadata.namespace,
    subscriber: trigger.spec.subscriber,
    delivery: deliveryOf(trigger, broker),
  }
}

/** The event as the ingress passes it on, or undefined when it has gone round too often. */
function countHop(event: BrokerEvent): BrokerEvent | undefined {
  const left = event.attributes['knativebrokerttl']
  const hops = left === undefined ? MAX_HOPS : Number(left) - 1
  if (!(hops > 0)) return undefined
  return withAttributes(event, { knativebrokerttl: String(hops), knativearrivaltime: new Date().toISOString() })
}

function summary({ attributes, body }: BrokerEvent): {
  id: string
  type: string
  source: string
  subject: string | undefined
  data: string
} {
  const text = (name: string): string => toText(attributes[name] ?? '')
  const subject = attributes['subject'] === undefined ? undefined : text('subject')
  const data = Buffer.from(body).toString().slice(0, 2000)
  return { id: text('id'), type: text('type'), source: text('source'), subject, data }
}
