import { Histogram, type Registry } from 'prom-client'

export type Step = 'namespace' | 'rbac' | 'secret' | 'objects' | 'database' | 'deployment'

export interface Steps {
  time<T>(step: Step, run: () => Promise<T>): Promise<T>
}

/** How long each step of a provisioning takes: the clone is most of it, and the template's size most of the clone. */
export function createSteps(registry: Registry): Steps {
  const seconds = new Histogram({
    name: 'platxa_provision_step_seconds',
    help: 'Duration of one step of provisioning an instance',
    labelNames: ['step'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  return {
    async time(step, run) {
      const stop = seconds.startTimer({ step })
      try {
        return await run()
      } finally {
        stop()
      }
    },
  }
}
