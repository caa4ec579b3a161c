import { z } from 'zod'
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { connect } from '#shared/k8s/connect.ts'
import { connectPostgres } from '#shared/postgres/connect.ts'
import { runFunction } from '#shared/server/run.ts'
import { route } from './route.ts'
import { createSteps } from './steps.ts'

runFunction({
  name: 'provision',
  env: { ...platformVariables.shape, PGUSER: z.string().min(1), PGPASSWORD: z.string().min(1) },
  app: async ({ env, log, metrics, source, onStop }) => {
    const platform = platformFrom(env)
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const { host, port, sslmode, rootCertificate: ca } = platform.postgres
    const admin = connectPostgres({ host, port, sslmode, ca, user: env.PGUSER, password: env.PGPASSWORD })
    const now = () => Temporal.Now.instant()
    return route({ kubernetes, admin, platform, now, source, log, steps: createSteps(metrics) }, metrics)
  },
})
