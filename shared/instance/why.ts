// Why is it awake? The one place that makes the words, for annotation, Kubernetes Event, console and `npm run why`. Pure.
import { z } from 'zod'
import { trigger } from '#shared/events/fields.ts'

/** What kind of client a wake was for. */
export const clientKind = z.enum(['browser', 'open tab', 'API client', 'event', 'nobody'])
export type ClientKind = z.output<typeof clientKind>

export const wokenBy = z.object({
  trigger: z.union([trigger, z.literal('first start'), z.literal('unknown')]),
  /** Of the request; only class A wakes. */
  class: z.literal('A').optional(),
  /** The first two names of the path, never a query. */
  path: z.string().max(60).optional(),
  client: clientKind.optional(),
})
export type WokenBy = z.output<typeof wokenBy>

export const lastVeto = z.object({
  /** For programs: `presence`, `cron-due`. */
  veto: z.string().max(60),
  detail: z.string().max(500),
  at: z.string().transform((text) => Temporal.Instant.from(text)),
})
export type LastVeto = z.output<typeof lastVeto>

export interface AwakeFacts {
  readonly since: Temporal.Instant | undefined
  readonly wokenBy: WokenBy | undefined
  readonly lastVeto: LastVeto | undefined
  readonly sleepsAt: Temporal.Instant | undefined
}

/** Since when, who woke it, what keeps it, when it sleeps at the earliest, what was vetoed last. Times are UTC. */
export function whyAwake({ since, wokenBy: by, lastVeto: last, sleepsAt }: AwakeFacts): string {
  const isOfThisTime = last !== undefined && (since === undefined || Temporal.Instant.compare(last.at, since) >= 0)
  return [
    since === undefined ? 'Awake' : `Awake since ${clock(since)}`,
    `woken by ${whoWoke(by)}`,
    isOfThisTime ? `kept awake: ${last.detail}` : 'stays awake while somebody uses it',
    ...(sleepsAt === undefined ? [] : [`sleeps at ${clock(sleepsAt)} at the earliest`]),
    last === undefined ? 'no sleep was vetoed' : `last veto: ${last.veto} at ${clock(last.at)}`,
  ].join('; ')
}

/** The words that stand on it; where nobody has written any, what can be said without them. */
export function wordsOf(
  instance: AwakeFacts & { readonly why: string | undefined; readonly replicas: number },
): string {
  if (instance.why !== undefined) return instance.why
  return instance.replicas === 0 ? 'Asleep, and nobody has written down why' : whyAwake(instance)
}

export interface AsleepFacts {
  readonly since: Temporal.Instant
  readonly why: string
  readonly wakeAt: Temporal.Instant | undefined
  /** The scheduled job it is woken for then. */
  readonly wakeFor: string | undefined
}

export function whyAsleep({ since, why, wakeAt, wakeFor }: AsleepFacts): string {
  const next = wakeAt === undefined ? '' : `; wakes at ${clock(wakeAt)} for the scheduled job "${wakeFor ?? '?'}"`
  return `Asleep since ${clock(since)}: ${why}${next}`
}

/** The reason in words that `whyAsleep` made; undefined for any other words. */
export function reasonOfSleep(words: string): string | undefined {
  return /^Asleep since \S+ \S+ UTC: (.+?)(?:; wakes at .*)?$/.exec(words)?.[1]
}

/** `somebody who opened /odoo (http, class A, browser)`. */
export function whoWoke(by: WokenBy | undefined): string {
  if (by === undefined) return 'somebody who left no word'
  const { trigger: how, class: requestClass, path, client } = by
  const marks = [how, ...(requestClass === undefined ? [] : [`class ${requestClass}`]), ...(client ? [client] : [])]
  return `${deed(by, path)} (${marks.join(', ')})`
}

function deed({ trigger: how, client }: WokenBy, path: string | undefined): string {
  switch (how) {
    case 'http':
      if (path === undefined) return 'somebody who came back to an open tab'
      return client === 'browser' ? `somebody who opened ${path}` : `a call of ${path}`
    case 'manual':
      return 'somebody who asked for it'
    case 'cron':
      return 'a scheduled job that is due'
    case 'first start':
      return 'its first start after it was made'
    case 'unknown':
      return 'somebody else'
  }
}

/** `2026-11-23 12:00:03 UTC` */
export function clock(at: Temporal.Instant): string {
  return `${at.toString({ smallestUnit: 'second' }).replace('T', ' ').replace('Z', '')} UTC`
}
