/** How long each thing may take, in milliseconds. */
export interface Limits {
  /** To open a connection, TLS included. */
  readonly connectMs: number
  /** For one call from start to parsed answer, repeats included. */
  readonly callMs: number
  /** For the head of a watch's answer; the API server sends it at once. */
  readonly watchOpenMs: number
  /**
   * After which the API server itself ends a watch, as asked; each one gets up to a tenth more, so that they do not end
   * together. Going on costs one request.
   */
  readonly watchMs: number
  /**
   * Without a single byte on a watch before it counts as broken. More than `watchMs`: a quiet collection has nothing to
   * say until the server ends the watch.
   */
  readonly watchSilenceMs: number
  /** Before a token or a certificate is read again from where it came. */
  readonly identityMs: number
}

export const DEFAULT_LIMITS: Limits = {
  connectMs: 5_000,
  callMs: 30_000,
  watchOpenMs: 15_000,
  watchMs: 60_000,
  watchSilenceMs: 90_000,
  identityMs: 60_000,
}
