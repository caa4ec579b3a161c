/** What the way to an instance may cost. Each wait has its own name, so that an answer can say which one ran out. */
export interface Limits {
  /** Until the instance's socket is open. Runs out: 502. */
  readonly connectMs: number
  /** From the last byte of the request to the first byte of the answer, a place in the queue included. Runs out: 504. */
  readonly firstByteMs: number
  /** Between two bytes of a body, in either direction. Runs out: the connections are cut. */
  readonly idleMs: number
  /** How long a socket that nobody uses is kept for the next request. */
  readonly keepMs: number
  /** A request that may not be repeated only rides on a kept socket used this recently: an instance may just be closing an older one. */
  readonly freshMs: number
  /** Sockets to one instance, WebSockets not counted. More requests wait for a place. */
  readonly sockets: number
  /** Requests that wait for a place, per instance. */
  readonly queue: number
  /** Bytes of an instance's response head, or of its trailers. */
  readonly headBytes: number
}

// Odoo's own advice for a proxy's read timeout is 720 s; its reports may take minutes before their first byte.
export const defaultLimits: Limits = {
  connectMs: 3_000,
  firstByteMs: 720_000,
  idleMs: 720_000,
  keepMs: 30_000,
  freshMs: 1_000,
  sockets: 128,
  queue: 2_000,
  headBytes: 64 * 1024,
}
