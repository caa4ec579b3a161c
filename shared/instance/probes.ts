// Probes never touch the database: a hiccup of it must not restart all tenants. The front door does not wait for them,
// it probes the pod itself (functions/wake); these are for the Service, for `kubectl` and for an Odoo that hangs.
import type { Probe } from 'kubernetes-types/core/v1.js'
import { ports } from './names.ts'
import type { InstanceSpec } from './spec.ts'
import { tiers } from './tiers.ts'
import { series } from './versions.ts'

const livenessPeriodSeconds = 20

export interface Probes {
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
}

export function probes(spec: InstanceSpec): Probes {
  const { healthPath } = series[spec.odooVersion]
  const check: Probe =
    healthPath === undefined ? { tcpSocket: { port: ports.http } } : { httpGet: { path: healthPath, port: ports.http } }
  return {
    // 5 minutes in all, as WAKE_TIMEOUT.
    startupProbe: { ...check, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 60 },
    // Answered 22–58 ms after the registry is loaded, never before: healthy means usable.
    readinessProbe: { ...check, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    livenessProbe: {
      ...check,
      periodSeconds: livenessPeriodSeconds,
      timeoutSeconds: 10,
      // Odoo's own watchdog must act first: the check queues behind busy workers.
      failureThreshold: Math.ceil(tiers[spec.tier].limitTimeRealSeconds / livenessPeriodSeconds) + 2,
    },
  }
}
