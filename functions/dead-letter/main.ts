import { hostname } from 'node:os'
import { connect } from '#shared/k8s/connect.ts'
import { runFunction } from '#shared/server/run.ts'
import { deadLetterCounter } from './effects.ts'
import { route } from './route.ts'

runFunction({
  name: 'dead-letter',
  env: {},
  app: async ({ log, metrics, onStop }) => {
    const kubernetes = await connect()
    onStop(() => kubernetes.close())
    const now = () => Temporal.Now.instant()
    return route({ kubernetes, now, log, replica: hostname(), count: deadLetterCounter(metrics) })
  },
})
