import { z } from 'zod'
import { connect } from '#shared/k8s/connect.ts'
import { count, duration } from '#shared/server/env.ts'
import { runFunction } from '#shared/server/run.ts'
import { scanCounter } from './metrics.ts'
import { route } from './route.ts'

runFunction({
  name: 'scan-idle',
  env: {
    IDLE_TIMEOUT: duration.prefault('15m'),
    MINIMUM_AWAKE: duration.prefault('2m'),
    CRON_AWAKE: duration.prefault('3m'),
    DEPLOYMENT_LABEL: z.string().default('app=odoo'),
    CONTROL_TIMEOUT: duration.prefault('1s'),
    WAKE_NAMESPACE: z.string().default('traefik-system'),
    WAKE_CONTROL_PORT: count.prefault('8081'),
  },
  app: async ({ env, log, metrics, source, onStop, publisher }) => {
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const deps = {
      kubernetes,
      publisher: publisher(),
      now: () => Temporal.Now.instant(),
      source,
      log,
      count: scanCounter(metrics),
      idleTimeoutMs: env.IDLE_TIMEOUT,
      minimumAwakeMs: env.MINIMUM_AWAKE,
      cronAwakeMs: env.CRON_AWAKE,
      deploymentLabel: env.DEPLOYMENT_LABEL,
      replicas: { namespace: env.WAKE_NAMESPACE, port: env.WAKE_CONTROL_PORT, controlTimeoutMs: env.CONTROL_TIMEOUT },
    }
    return route(deps, metrics)
  },
})
