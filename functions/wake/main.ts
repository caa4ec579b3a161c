import { z } from 'zod'
import { createPublisher } from '#shared/events/publish.ts'
import { connect } from '#shared/k8s/connect.ts'
import { cidrList, count, duration, flag, port, readEnv } from '#shared/server/env.ts'
import { entry } from '#shared/server/entry.ts'
import { createLog } from '#shared/server/log.ts'
import { createMetrics } from '#shared/server/metrics.ts'
import { commonEnv, couldNotStart } from '#shared/server/run.ts'
import { startTelemetry } from '#shared/server/telemetry.ts'
import { onTermination } from '#shared/server/termination.ts'
import { lookEnv, lookOf } from './page/look.ts'
import { classRows } from './classes/classes.ts'
import { serveWake } from './serve.ts'
import { createWake, type WakeSettings } from './wake.ts'

const name = 'wake'
const schema = z.object({
  ...commonEnv,
  CONTROL_PORT: port.prefault('8081'),
  METRICS_PORT: port.prefault('9090'),
  POD_NAME: z.string().default(name),
  NAMESPACE_PATTERN: z.string().default('instance-*'),
  DEPLOYMENT_LABEL: z.string().default('app=odoo'),
  WAKE_TIMEOUT: duration.prefault('5m'),
  IDLE_TIMEOUT: duration.prefault('15m'),
  HOLD_TIMEOUT: duration.prefault('50s'),
  HOLDS_PER_INSTANCE: count.prefault('1000'),
  HOLDS_TOTAL: count.prefault('10000'),
  WAKES_PER_CLIENT: count.prefault('60'),
  WAKES_PER_INSTANCE: count.prefault('20'),
  PARKED_PER_CLIENT: count.prefault('100'),
  PARKED_PER_INSTANCE: count.prefault('500'),
  PARKED_TOTAL: count.prefault('10000'),
  FENCE_TTL: duration.prefault('10s'),
  PERIODIC_AFTER: duration.prefault('2h'),
  CLASSES: classRows.prefault(''),
  TRUSTED_PROXIES: cidrList.prefault('127.0.0.0/8, ::1/128'),
  FORWARDED_FOR: z.enum(['keep', 'extend'], 'must be keep or extend').default('keep'),
  CLOSE_DATABASE_MANAGER: flag.prefault('true'),
  ...lookEnv,
})

async function main(): Promise<void> {
  const env = readEnv(schema)
  const log = createLog(name, { level: env.LOG_LEVEL })
  const stopTelemetry = await startTelemetry(name)
  const metrics = createMetrics()
  const sink = env.K_SINK ?? env.BROKER_URL
  const publisher = sink === undefined ? undefined : createPublisher({ sink, overrides: env.K_CE_OVERRIDES, log })
  const kubernetes = await connect()
  let leaving = false
  const wake = createWake({ settings: settingsOf(env), kubernetes, publisher, metrics, log, accepting: () => !leaving })
  const ports = { host: env.HOST, port: env.PORT, controlPort: env.CONTROL_PORT, metricsPort: env.METRICS_PORT }
  const finishWithinMs = env.HOLD_TIMEOUT + 30_000
  const onLeaving = (): void => void (leaving = true)
  const serving = await serveWake(
    wake,
    ports,
    { drainDelayMs: env.DRAIN_DELAY, finishWithinMs, onLeaving },
    { metrics, log },
  )
  onTermination({
    log,
    async stop() {
      await serving.stop()
      await kubernetes.close()
      await stopTelemetry()
    },
  })
  log.info({ env, ports: serving }, 'listening')
  await wake.watch()
}

function settingsOf(env: z.output<typeof schema>): WakeSettings {
  return {
    replica: env.POD_NAME,
    source: `//functions.platxa.io/${name}`,
    namespacePattern: env.NAMESPACE_PATTERN,
    labelSelector: env.DEPLOYMENT_LABEL,
    wakeTimeoutMs: env.WAKE_TIMEOUT,
    idleTimeoutMs: env.IDLE_TIMEOUT,
    holdTimeoutMs: env.HOLD_TIMEOUT,
    holdsPerInstance: env.HOLDS_PER_INSTANCE,
    holdsTotal: env.HOLDS_TOTAL,
    longestFenceMs: env.FENCE_TTL,
    budgets: { wakesPerClient: env.WAKES_PER_CLIENT, wakesPerInstance: env.WAKES_PER_INSTANCE },
    park: { perClient: env.PARKED_PER_CLIENT, perInstance: env.PARKED_PER_INSTANCE, total: env.PARKED_TOTAL },
    classes: env.CLASSES,
    periodicAfterMs: env.PERIODIC_AFTER,
    trustedProxies: env.TRUSTED_PROXIES,
    forwardedFor: env.FORWARDED_FOR,
    look: lookOf(env),
    closeDatabaseManager: env.CLOSE_DATABASE_MANAGER,
  }
}

entry(name, () => main().catch((error: unknown) => couldNotStart(name, error)))
