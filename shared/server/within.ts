import { setTimeout as sleep } from 'node:timers/promises'

/**
 * For the way out of a process only, where work that cannot be cancelled may be left behind: everywhere else a deadline
 * is an AbortSignal that the work listens to.
 */
export async function within(ms: number, work: Promise<void>, what: string): Promise<void> {
  const timer = new AbortController()
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} took longer than ${ms} ms`)
  })
  try {
    await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}
