import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { connect } from '#shared/k8s/connect.ts'
import { adminVariables, connectAdmin } from '#shared/postgres/admin.ts'
import { runFunction } from '#shared/server/run.ts'
import { route } from './route.ts'
import { createSteps } from './steps.ts'

runFunction({
  name: 'provision',
  env: { ...platformVariables.shape, ...adminVariables.shape },
  app: async ({ env, log, metrics, source, onStop }) => {
    const platform = platformFrom(env)
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const admin = connectAdmin(platform.postgres, env)
    const now = () => Temporal.Now.instant()
    return route({ kubernetes, admin, platform, now, source, log, steps: createSteps(metrics) }, metrics)
  },
})
