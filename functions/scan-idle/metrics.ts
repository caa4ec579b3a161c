import { Counter, type Registry } from 'prom-client'
import { unknowns, type Decision } from './decide.ts'

export type Count = (decision: Decision) => void

/** How scans ended: `looked`, or why nothing could be said of anybody. */
export function scanCounter(registry: Registry): Count {
  const counter = new Counter({
    name: 'platxa_scan_idle_scans_total',
    help: 'Scans for idle instances: looked, or why nothing could be said of anybody',
    labelNames: ['outcome'],
    registers: [registry],
  })
  // A counter that is first seen at 1 has not risen for Prometheus.
  for (const outcome of ['looked', ...Object.keys(unknowns)]) counter.inc({ outcome }, 0)
  return ({ unknown }) => counter.inc({ outcome: unknown ?? 'looked' })
}
