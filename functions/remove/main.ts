import { z } from 'zod'
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { connect } from '#shared/k8s/connect.ts'
import { connectPostgres } from '#shared/postgres/connect.ts'
import { runFunction } from '#shared/server/run.ts'
import { route } from './route.ts'

/** A busy Odoo may take its whole grace period, up to 20 min: the deliveries of the broker add up to more than that. */
const ENDS_WITHIN_MS = 120_000
const GONE_WITHIN_MS = 60_000

runFunction({
  name: 'remove',
  env: { ...platformVariables.shape, PGUSER: z.string().min(1), PGPASSWORD: z.string().min(1) },
  app: async ({ env, log, metrics, source, onStop }) => {
    const { postgres, functionsNamespace } = platformFrom(env)
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const { host, port, sslmode, rootCertificate: ca } = postgres
    const admin = connectPostgres({ host, port, sslmode, ca, user: env.PGUSER, password: env.PGPASSWORD })
    const now = () => Temporal.Now.instant()
    const limits = { endsWithinMs: ENDS_WITHIN_MS, goneWithinMs: GONE_WITHIN_MS }
    return route({ kubernetes, admin, now, source, log, functionsNamespace, ...limits }, metrics)
  },
})
