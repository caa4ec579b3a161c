// When to start a container again, as the kubelet decides it.

export interface BackOffLimits {
  readonly initialMs: number
  readonly maxMs: number
}

/** 10 s, doubling to 5 minutes. */
export const kubeletBackOff: BackOffLimits = { initialMs: 10_000, maxMs: 300_000 }

export interface BackOff {
  /** How long to wait now. */
  readonly waitMs: number
  /** What the next failure waits, unless the container has run well for long before it. */
  readonly nextMs: number
}

/** The first restart happens at once; who ran for twice the longest wait starts from the beginning. */
export function afterExit(previous: BackOff | undefined, ranMs: number, limits: BackOffLimits): BackOff {
  const waitMs = previous === undefined || ranMs >= 2 * limits.maxMs ? 0 : previous.nextMs
  return { waitMs, nextMs: doubled(waitMs, limits) }
}

/** Nothing was started (no such image, no such Secret): the first wait is not zero. */
export function afterRefusal(previous: BackOff | undefined, limits: BackOffLimits): BackOff {
  const waitMs = previous?.nextMs ?? limits.initialMs
  return { waitMs, nextMs: doubled(waitMs, limits) }
}

function doubled(waitMs: number, { initialMs, maxMs }: BackOffLimits): number {
  return waitMs === 0 ? initialMs : Math.min(waitMs * 2, maxMs)
}
