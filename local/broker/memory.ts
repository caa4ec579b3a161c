// What the console shows: the last few hundred events, who got each and what they answered.

export interface Attempt {
  readonly at: number
  readonly tookMs: number
  /** A status, or why there was none. */
  readonly answer: number | string
  /** Body of an answer that was no success, its beginning. */
  readonly said: string
}

export interface DeliveryRecord {
  readonly trigger: string
  readonly to: string
  readonly attempts: readonly Attempt[]
  readonly outcome: 'under way' | 'delivered' | 'dead letter' | 'lost'
  /** Type of the event that came back. */
  readonly reply: string | undefined
}

export interface EventRecord {
  readonly at: number
  readonly id: string
  readonly type: string
  readonly source: string
  readonly subject: string | undefined
  readonly data: string
  /** `ingress`, or the trigger whose subscriber replied with it. */
  readonly from: string
  readonly deliveries: readonly DeliveryRecord[]
  /** What the publisher was told; undefined while it waits. */
  readonly answer: number | undefined
}

export interface OpenRecord {
  delivery(trigger: string, record: DeliveryRecord): void
  answered(status: number): void
}

export interface Memory {
  /** Newest first. */
  list(): readonly EventRecord[]
  open(event: Summary): OpenRecord
}

type Summary = Omit<EventRecord, 'deliveries' | 'answer'>

interface Entry {
  readonly event: Summary
  readonly deliveries: Map<string, DeliveryRecord>
  answer: number | undefined
}

const TICK = 'dev.knative.sources.ping'

/** The cron ticks all day: of those that went well only the last is worth a line. */
function forgetTicks(entries: Entry[]): void {
  const kept = entries.filter(({ event, answer }) => event.type !== TICK || answer !== 202)
  entries.splice(0, entries.length, ...kept)
}

export function createMemory(capacity = 300): Memory {
  const entries: Entry[] = []
  return {
    list: () =>
      entries
        .map(({ event, deliveries, answer }) => ({ ...event, deliveries: [...deliveries.values()], answer }))
        .toReversed(),
    open(event) {
      if (event.type === TICK) forgetTicks(entries)
      const entry: Entry = { event, deliveries: new Map(), answer: undefined }
      entries.push(entry)
      if (entries.length > capacity) entries.shift()
      return {
        delivery: (trigger, record) => entry.deliveries.set(trigger, record),
        answered: (status) => (entry.answer = status),
      }
    },
  }
}
