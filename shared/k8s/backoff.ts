/** Waiting times between attempts: the first comes almost at once, a long trouble is asked about every few seconds. */
export interface Backoff {
  /** Milliseconds to wait now; longer at each call. */
  next(): number
  /** Something worked: the next trouble is a new one. */
  reset(): void
}

const FIRST_MS = 50
const LONGEST_MS = 5_000

/** `random` is between 0 and 1: many clients that lost the same server must not come back at the same moment. */
export function createBackoff(random: () => number = Math.random): Backoff {
  let attempt = 0
  return {
    next: () => {
      const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 20))
      attempt++
      return Math.round(full / 2 + (full / 2) * random())
    },
    reset: () => {
      attempt = 0
    },
  }
}
