// What happened to one instance, newest first: the broker's events and the cluster's own, in one list. Pure.
import type { Event as ClusterEvent } from 'kubernetes-types/core/v1.js'
import type { EventRecord } from '#local/broker/memory.ts'

export interface Moment {
  readonly at: number
  readonly what: string
  readonly detail: string
  readonly origin: 'event' | 'cluster'
  readonly bad: boolean
}

export function timelineOf(
  name: string,
  events: readonly EventRecord[],
  cluster: readonly ClusterEvent[],
): readonly Moment[] {
  const own = events.filter(({ subject, deliveries, data }) => isAbout(name, { subject, data, deliveries }))
  return [...own.map(fromBroker), ...cluster.map(fromCluster)].toSorted((a, b) => b.at - a.at)
}

function isAbout(name: string, { subject, data }: Pick<EventRecord, 'subject' | 'data' | 'deliveries'>): boolean {
  return subject === `instances/${name}` || (subject === undefined && data.includes(`"${name}"`))
}

function fromBroker(record: EventRecord): Moment {
  return {
    at: record.at,
    what: shortType(record.type),
    detail: sentenceOf(record),
    origin: 'event',
    bad: record.type.endsWith('.failed.v1') || record.deliveries.some(({ outcome }) => isBad(outcome)),
  }
}

/** `io.platxa.instance.sleep.declined.v1` → `sleep declined`. */
export function shortType(type: string): string {
  if (type === 'dev.knative.sources.ping') return 'cron tick'
  return type
    .replace(/^io\.platxa\.(instance\.)?/, '')
    .replace(/\.v\d+$/, '')
    .replaceAll('.', ' ')
}

export function isBad(outcome: string): boolean {
  return outcome === 'dead letter' || outcome === 'lost'
}

/** The sentence that an event carries for people, else who got it. */
function sentenceOf({ data, deliveries }: EventRecord): string {
  const said = sentenceIn(data)
  if (said !== undefined) return said
  return deliveries.map(({ trigger, outcome }) => `${trigger}: ${outcome}`).join(', ')
}

function sentenceIn(data: string): string | undefined {
  try {
    const { why, detail, reason, milliseconds } = JSON.parse(data) as Record<string, unknown>
    if (isTotal(milliseconds)) return `after ${(milliseconds.total / 1000).toFixed(1)} s`
    return [why, detail, reason].find((text) => typeof text === 'string')
  } catch {
    return undefined
  }
}

function isTotal(value: unknown): value is { total: number } {
  return typeof value === 'object' && value !== null && 'total' in value && typeof value.total === 'number'
}

function fromCluster(event: ClusterEvent): Moment {
  const { reason, note, message, type, involvedObject, regarding } = { note: undefined, regarding: undefined, ...event }
  const about = regarding ?? involvedObject
  return {
    at: Date.parse(String(event.eventTime ?? event.lastTimestamp ?? event.metadata.creationTimestamp)),
    what: reason ?? 'event',
    detail: `${about?.kind ?? ''} ${about?.name ?? ''}: ${note ?? message ?? ''}`.trim(),
    origin: 'cluster',
    bad: type === 'Warning',
  }
}
