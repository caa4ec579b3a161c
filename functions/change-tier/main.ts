import { z } from 'zod'
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { connect } from '#shared/k8s/connect.ts'
import { connectPostgres } from '#shared/postgres/connect.ts'
import { runFunction } from '#shared/server/run.ts'
import { route } from './route.ts'

/** The kubelet says what it thinks of a resize within a second or two, and takes it or leaves it after that. */
const RESIZE_WITHIN_MS = 10_000

runFunction({
  name: 'change-tier',
  env: { ...platformVariables.shape, PGUSER: z.string().min(1), PGPASSWORD: z.string().min(1) },
  app: async ({ env, log, metrics, source, onStop }) => {
    const platform = platformFrom(env)
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const { host, port, sslmode, rootCertificate: ca } = platform.postgres
    const admin = connectPostgres({ host, port, sslmode, ca, user: env.PGUSER, password: env.PGPASSWORD })
    const now = () => Temporal.Now.instant()
    return route({ kubernetes, admin, platform, now, source, log, resizeWithinMs: RESIZE_WITHIN_MS }, metrics)
  },
})
