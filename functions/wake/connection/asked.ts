import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ForwardFault } from './fault.ts'
import type { Limits } from './limits.ts'
import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import type { Watchdog } from './watchdog.ts'
import type { Wire } from './wire.ts'

/** How it went. Only after `unsent` may the caller try again: nothing was sent, or only a GET or HEAD that died without a byte of an answer. */
export type Forwarded =
  | { readonly outcome: 'answered'; readonly status: number }
  | { readonly outcome: 'unsent'; readonly error: ForwardFault }
  | { readonly outcome: 'broken'; readonly error: ForwardFault }
  | { readonly outcome: 'client gone' }

export interface Means {
  readonly limits: Limits
  readonly watchdog: Watchdog
  /** Says to a client what went wrong, when nothing has been said yet. */
  readonly answerFault: (response: ServerResponse, fault: ForwardFault) => void
}

export interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: Extract<RequestHead, { text: string }>
  /** The instance agreed to speak another protocol; `rest` are the first bytes of it. Without this, 101 is a lie. */
  readonly onSwitch?: OnSwitch
}

export type OnSwitch = (wire: Wire, head: ResponseHead, rest: Buffer) => void
