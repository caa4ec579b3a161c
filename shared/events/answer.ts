// What a function can say to the broker. There is no way to say 404 or to send a body that is not an event, because the
// broker turns either into a retry (knative.md §2.3).
import type { Outgoing } from '#shared/events/emit.ts'

/** The broker gives up at once on these; 404, 408, 409 and 429 would make it try again. */
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
