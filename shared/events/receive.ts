import type { Hono } from 'hono'
import type { Registry } from 'prom-client'
import type { EventType } from '#shared/events/catalogue.ts'
import type { EventOf, Outgoing } from '#shared/events/emit.ts'
import type { Log } from '#shared/server/log.ts'

/** Statuses that make the broker give up at once; 404, 408, 409 and 429 would make it try again (knative.md §2.3). */
export type RefuseStatus = 400 | 401 | 403 | 410 | 412 | 413 | 415 | 422 | 451

export type Answer =
  | { readonly do: 'done'; readonly why: string | undefined }
  | { readonly do: 'reply'; readonly event: Outgoing; readonly why: string | undefined }
  | { readonly do: 'refuse'; readonly status: RefuseStatus; readonly why: string }
  | { readonly do: 'retry'; readonly why: string; readonly retryAfterSeconds: number | undefined }

/** 204: nothing more to do. `why` is for the log. */
export const done = (why?: string): Answer => ({ do: 'done', why })
/** 200 with the event, which the broker publishes. */
export const reply = (event: Outgoing, why?: string): Answer => ({ do: 'reply', event, why })
/** 4xx: it will never work, the event goes to the dead letters. */
export const refuse = (status: RefuseStatus, why: string): Answer => ({ do: 'refuse', status, why })
/** 503: not now, the broker tries again. */
export const retry = (why: string, retryAfterSeconds?: number): Answer => ({ do: 'retry', why, retryAfterSeconds })

export interface Receiving<T extends EventType> {
  readonly types: readonly T[]
  /** The signal ends when the client hangs up or the deadline passes. */
  readonly handle: (event: EventOf<T>, signal: AbortSignal) => Promise<Answer>
  readonly log: Log
  readonly metrics?: Registry | undefined
  /** 64 KiB when left out: what the CloudEvents specification asks every intermediary to carry. */
  readonly maxBytes?: number | undefined
  /** 60 s when left out. */
  readonly deadlineMs?: number | undefined
}

/** A Hono app that takes CloudEvents at `POST /` and can only answer what the broker understands. */
export function receive<T extends EventType>(receiving: Receiving<T>): Hono {
  throw new Error(`not written yet: ${receiving.types.join()}`)
}
