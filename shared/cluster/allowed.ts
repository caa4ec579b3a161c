import { setTimeout as sleep } from 'node:timers/promises'
import { isForbidden } from '#shared/k8s/errors.ts'

/**
 * How long a RoleBinding may take to be known to every API server, and a new quota to be counted with. Until then what
 * they allow is forbidden, which is no fault of anybody.
 */
const KNOWN_WITHIN_MS = 5_000
const TRY_EVERY_MS = 50

export async function allowed<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const end = performance.now() + KNOWN_WITHIN_MS
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isForbidden(error) || performance.now() > end) throw error
    }
    await sleep(TRY_EVERY_MS, undefined, { signal })
  }
}
