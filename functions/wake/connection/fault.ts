/** What went wrong between us and an instance, in words that a status, a metric and a log line can use. */
export type FaultName =
  | 'connect' // no socket: refused, unreachable, or the connect limit
  | 'queue full'
  | 'first byte' // no answer within the limit
  | 'idle' // a body that stopped moving
  | 'instance gone' // closed or reset before its answer was whole
  | 'lying response' // an answer that is not HTTP, or not what it says it is
  | 'closing' // this proxy is closing

const STATUS: Record<FaultName, number> = {
  connect: 502,
  'queue full': 503,
  'first byte': 504,
  idle: 504,
  'instance gone': 502,
  'lying response': 502,
  closing: 503,
}

export class ForwardFault extends Error {
  override readonly name = 'ForwardFault'
  readonly fault: FaultName
  /** The status that tells it best, where one can still be sent. */
  readonly status: number

  constructor(fault: FaultName, detail: string, cause?: unknown) {
    super(`${fault}: ${detail}`, cause === undefined ? undefined : { cause })
    this.fault = fault
    this.status = STATUS[fault]
  }
}
