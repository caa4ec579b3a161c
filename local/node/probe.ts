// Looks at a container again and again and reports when it has made up its mind.
import { setTimeout as sleep } from 'node:timers/promises'

import type { Probe } from 'kubernetes-types/core/v1.js'

import type { Check } from './probe-check.ts'

export type Verdict = { readonly passes: true } | { readonly passes: false; readonly why: string }

export interface Probing {
  readonly probe: Probe
  readonly check: Check
  /**
   * Until the first success also look between two periods, soon after each other at first. A kubelet does not; but a
   * person in front of a laptop should not wait a whole period for a container that was ready a moment after a look.
   * Looks in between never count as failures.
   */
  readonly eager: boolean
  /** Nobody needs to know more once it has passed: the startup probe. */
  readonly once: boolean
  readonly signal: AbortSignal
  /** Each change of mind, and the first verdict. Never after the signal. */
  readonly report: (verdict: Verdict) => void
}

const FIRST_EAGER_MS = 50
const EAGER_FACTOR = 1.5
/** Timers may be so early. */
const EARLY_MS = 2

/** Ends with the signal, or when it has passed `once`. */
export async function keepProbing({ probe, check, eager, once, signal, report }: Probing): Promise<void> {
  const { initialDelaySeconds = 0, timeoutSeconds = 1, failureThreshold = 3, successThreshold = 1 } = probe
  const periodMs = (probe.periodSeconds ?? 10) * 1000
  let last: boolean | undefined
  let successes = 0
  let failures = 0
  let everPassed = false
  let eagerMs = FIRST_EAGER_MS

  await pause(initialDelaySeconds * 1000, signal)
  let due = performance.now()
  while (!signal.aborted) {
    const counts = performance.now() >= due - EARLY_MS
    if (counts) due = performance.now() + periodMs
    const look = await check(AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]))
    if (signal.aborted) return
    if (look.ok) {
      failures = 0
      successes += 1
      everPassed = true
      if (last !== true && successes >= successThreshold) report({ passes: (last = true) })
      if (last === true && once) return
    } else if (counts) {
      successes = 0
      failures += 1
      if (last !== false && failures >= failureThreshold) report({ passes: (last = false), why: look.why })
    }
    await pause(Math.min(due - performance.now(), eager && !everPassed ? eagerMs : Infinity), signal)
    eagerMs *= EAGER_FACTOR
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {})
}
