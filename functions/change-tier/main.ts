import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { connect } from '#shared/k8s/connect.ts'
import { adminVariables, connectAdmin } from '#shared/postgres/admin.ts'
import { runFunction } from '#shared/server/run.ts'
import { route } from './route.ts'

/** The kubelet says what it thinks of a resize within a second or two, and takes it or leaves it after that. */
const RESIZE_WITHIN_MS = 10_000

runFunction({
  name: 'change-tier',
  env: { ...platformVariables.shape, ...adminVariables.shape },
  app: async ({ env, log, metrics, source, onStop }) => {
    const platform = platformFrom(env)
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const admin = connectAdmin(platform.postgres, env)
    const now = () => Temporal.Now.instant()
    return route({ kubernetes, admin, platform, now, source, log, resizeWithinMs: RESIZE_WITHIN_MS }, metrics)
  },
})
