// What the probes of one process say: the startup probe first, then readiness and liveness.
import type { Container, Probe } from 'kubernetes-types/core/v1.js'

import { checkOf } from './probe-check.ts'
import { keepProbing, type Verdict } from './probe.ts'

export interface HealthOf {
  readonly container: Pick<Container, 'ports' | 'startupProbe' | 'readinessProbe' | 'livenessProbe'>
  readonly podIP: string
  /** Ends with the process. */
  readonly signal: AbortSignal
  readonly changed: () => void
  readonly tell: (reason: string, message: string) => void
  /** It has failed its startup or liveness probe. */
  readonly unwell: (why: string) => void
}

export interface Health {
  readonly started: boolean
  readonly ready: boolean
}

type Kind = 'Startup' | 'Readiness' | 'Liveness'

/** The result changes by itself; `changed` is called after each change, never at once. */
export function watchHealth(of: HealthOf): Health {
  const { container, podIP, signal, tell, unwell } = of
  const { startupProbe, readinessProbe, livenessProbe } = container
  const health = { started: false, ready: false }

  const begin = (): void => {
    health.started = true
    if (readinessProbe === undefined) health.ready = true
    else follow('Readiness', readinessProbe)
    if (livenessProbe !== undefined) follow('Liveness', livenessProbe)
  }
  const hear = (kind: Kind, verdict: Verdict): void => {
    if (!verdict.passes) tell('Unhealthy', `${kind} probe failed: ${verdict.why}`)
    if (kind === 'Readiness') health.ready = verdict.passes
    else if (!verdict.passes) unwell(`failed ${kind.toLowerCase()} probe`)
    else if (kind === 'Startup' && !health.started) begin()
  }
  const follow = (kind: Kind, probe: Probe): void => {
    const check = checkOf(probe, container, podIP)
    if (check === undefined) {
      tell('Unhealthy', `${kind} probe is of a kind that the local node does not know; it counts as passed`)
      return hear(kind, { passes: true })
    }
    const report = (verdict: Verdict): void => {
      hear(kind, verdict)
      of.changed()
    }
    void keepProbing({ probe, check, eager: kind !== 'Liveness', once: kind === 'Startup', signal, report })
  }

  if (startupProbe === undefined) begin()
  else follow('Startup', startupProbe)
  return health
}
