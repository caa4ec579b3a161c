import { connect } from '#shared/k8s/connect.ts'
import { count, duration } from '#shared/server/env.ts'
import { runFunction } from '#shared/server/run.ts'
import { z } from 'zod'
import { decisionCounter } from './metrics.ts'
import { route } from './route.ts'

await runFunction({
  name: 'sleep',
  env: {
    IDLE_TIMEOUT: duration.prefault('15m'),
    MINIMUM_AWAKE: duration.prefault('2m'),
    FENCE_TTL: duration.prefault('10s'),
    CONTROL_TIMEOUT: duration.prefault('1s'),
    WAKE_NAMESPACE: z.string().default('traefik-system'),
    WAKE_CONTROL_PORT: count.prefault('8081'),
  },
  app: async ({ env, log, metrics, source, onStop }) => {
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const replicas = {
      namespace: env.WAKE_NAMESPACE,
      port: env.WAKE_CONTROL_PORT,
      controlTimeoutMs: env.CONTROL_TIMEOUT,
    }
    const deps = {
      kubernetes,
      now: () => Temporal.Now.instant(),
      source,
      log,
      count: decisionCounter(metrics),
      idleTimeoutMs: env.IDLE_TIMEOUT,
      minimumAwakeMs: env.MINIMUM_AWAKE,
      replicas,
      fenceTtlMs: env.FENCE_TTL,
    }
    return route(deps, metrics)
  },
})
