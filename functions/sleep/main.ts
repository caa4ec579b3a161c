import { platformVariables } from '#shared/instance/platform.ts'
import type { Instance } from '#shared/instance/read.ts'
import { cronPolicy } from '#shared/instance/wishes.ts'
import { connect } from '#shared/k8s/connect.ts'
import { count, duration } from '#shared/server/env.ts'
import { runFunction } from '#shared/server/run.ts'
import { z } from 'zod'
import { decisionCounter } from './metrics.ts'
import { route } from './route.ts'
import { lookAtTenant } from './tenant.ts'

const { PGHOST, PGPORT, PGSSLMODE, POSTGRES_CA } = platformVariables.shape

runFunction({
  name: 'sleep',
  env: {
    IDLE_TIMEOUT: duration.prefault('15m'),
    MINIMUM_AWAKE: duration.prefault('2m'),
    FENCE_TTL: duration.prefault('10s'),
    TABS_ANSWER: duration.prefault('6s'),
    CONTROL_TIMEOUT: duration.prefault('1s'),
    TENANT_TIMEOUT: duration.prefault('2s'),
    CRON_POLICY: cronPolicy.default('daily'),
    CRON_SOON: duration.prefault('5m'),
    CRON_PATIENCE: duration.prefault('10m'),
    PGHOST,
    PGPORT,
    PGSSLMODE,
    POSTGRES_CA,
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
    const now = () => Temporal.Now.instant()
    const tenant = {
      kubernetes,
      now,
      server: { host: env.PGHOST, port: env.PGPORT, sslmode: env.PGSSLMODE, ca: env.POSTGRES_CA },
      cronPolicy: env.CRON_POLICY,
      cronLimits: { soonMs: env.CRON_SOON, patienceMs: env.CRON_PATIENCE },
      tenantTimeoutMs: env.TENANT_TIMEOUT,
    }
    const deps = {
      kubernetes,
      now,
      source,
      log,
      count: decisionCounter(metrics),
      idleTimeoutMs: env.IDLE_TIMEOUT,
      minimumAwakeMs: env.MINIMUM_AWAKE,
      replicas,
      fenceTtlMs: env.FENCE_TTL,
      tabsAnswerMs: env.TABS_ANSWER,
      look: (instance: Instance, signal: AbortSignal) => lookAtTenant(instance, tenant, signal),
    }
    return route(deps, metrics)
  },
})
