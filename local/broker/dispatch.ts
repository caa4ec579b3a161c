// One event to one Trigger's subscriber: attempts, then its reply goes back into the broker, or the dead letter sink gets it.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, attempt, type Target } from './attempt.ts'
import { type Delivery, errorData, isRetried, pauseMs } from './delivery.ts'
import { type BrokerEvent, withAttributes } from './event.ts'
import type { Destination } from './manifest.ts'
import type { Attempt, DeliveryRecord } from './memory.ts'

export interface Subscription {
  readonly trigger: string
  readonly namespace: string
  readonly subscriber: Destination
  readonly delivery: Delivery
}

export interface DispatchDeps {
  /** Asked before every attempt: a pod that came back has another address. */
  readonly resolve: (destination: Destination, namespace: string) => Target
  /** Publishes a reply as if it came to the ingress; answers the ingress's status. */
  readonly republish: (reply: BrokerEvent, from: string, signal: AbortSignal) => Promise<number>
  readonly note: (record: DeliveryRecord) => void
}

/** True when the event is in good hands: delivered (and its reply too), or accepted by the dead letter sink. */
export async function dispatch(
  event: BrokerEvent,
  subscription: Subscription,
  deps: DispatchDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { subscriber, namespace, delivery } = subscription
  const target = (): Target => deps.resolve(subscriber, namespace)
  const attempts: Attempt[] = []
  const note = (outcome: DeliveryRecord['outcome'], reply?: string): void =>
    deps.note({ trigger: subscription.trigger, to: target().name, attempts: [...attempts], outcome, reply })
  const remember = (one: Attempt): void => {
    attempts.push(one)
    note('under way')
  }

  // The hop counter stays with the broker: subscribers do not see it, replies get it back.
  const seen = withAttributes(event, { knativebrokerttl: undefined })
  const options = { format: delivery.format, namespace, wantsReply: true, timeoutMs: delivery.timeoutMs, signal }
  note('under way')
  try {
    const answer = await insist(() => attempt(seen, target(), options), delivery, signal, remember)
    if (!succeeded(answer)) return await bury(target().name, answer)
    const { reply } = answer
    if (reply !== undefined) {
      const back = withAttributes(reply, { knativebrokerttl: event.attributes['knativebrokerttl'] })
      const republish = async (): Promise<Answer> => ({
        status: await deps.republish(back, subscription.trigger, signal),
        body: new Uint8Array(),
      })
      const accepted = await insist(republish, delivery, signal, () => {})
      if (!succeeded(accepted)) return await bury(`the broker, with the reply of ${target().name}`, accepted)
    }
    note('delivered', reply?.attributes['type'])
    return true
  } catch (error) {
    note('lost')
    if (signal.aborted) return false
    throw error
  }

  async function bury(failed: string, answer: Answer): Promise<boolean> {
    const sink = delivery.deadLetterSink
    if (sink === undefined) {
      note('lost')
      return false
    }
    const letter = withAttributes(event, {
      knativeerrordest: failed,
      knativeerrorcode: String(answer.status ?? 500),
      knativeerrordata: errorData(answer.body),
    })
    const send = (): Promise<Answer> =>
      attempt(letter, deps.resolve(sink, namespace), { ...options, wantsReply: false })
    const buried = succeeded(await insist(send, delivery, signal, () => {}))
    note(buried ? 'dead letter' : 'lost')
    return buried
  }
}

function succeeded({ status }: Answer): boolean {
  return status !== undefined && status >= 200 && status < 300
}

/** Tries until it succeeds, until the answer is one that is not retried, or until the retries are used up. */
async function insist(
  send: () => Promise<Answer>,
  delivery: Delivery,
  signal: AbortSignal,
  remember: (one: Attempt) => void,
): Promise<Answer> {
  for (let retry = 0; ; retry += 1) {
    const at = Date.now()
    const answer = await send()
    const text = succeeded(answer) ? '' : Buffer.from(answer.body).toString().slice(0, 300)
    const { status } = answer
    remember({ at, tookMs: Date.now() - at, answer: status ?? text, said: status === undefined ? '' : text })
    if (succeeded(answer) || !isRetried(answer.status) || retry >= delivery.retries) return answer
    await sleep(pauseMs(delivery, retry), undefined, { signal })
  }
}
