import { Counter, type Registry } from 'prom-client'
import { vetoes, type Veto } from './decide.ts'

export type Count = (decision: 'slept' | Veto) => void

export function decisionCounter(registry: Registry): Count {
  const counter = new Counter({
    name: 'platxa_sleep_decisions_total',
    help: 'What became of instances that looked idle: slept, or the veto that kept them awake',
    labelNames: ['decision'],
    registers: [registry],
  })
  // A counter that is first seen at 1 has not risen for Prometheus.
  for (const decision of ['slept', ...vetoes]) counter.inc({ decision }, 0)
  return (decision) => counter.inc({ decision })
}
