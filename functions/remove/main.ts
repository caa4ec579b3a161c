import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { connect } from '#shared/k8s/connect.ts'
import { adminVariables, connectAdmin } from '#shared/postgres/admin.ts'
import { runFunction } from '#shared/server/run.ts'
import { route } from './route.ts'

/** A busy Odoo may take its whole grace period, up to 20 min: the deliveries of the broker add up to more than that. */
const ENDS_WITHIN_MS = 120_000
const GONE_WITHIN_MS = 60_000

runFunction({
  name: 'remove',
  env: { ...platformVariables.shape, ...adminVariables.shape },
  app: async ({ env, log, metrics, source, onStop }) => {
    const { postgres, functionsNamespace } = platformFrom(env)
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const admin = connectAdmin(postgres, env)
    const now = () => Temporal.Now.instant()
    const limits = { endsWithinMs: ENDS_WITHIN_MS, goneWithinMs: GONE_WITHIN_MS }
    return route({ kubernetes, admin, now, source, log, functionsNamespace, ...limits }, metrics)
  },
})
