import { runFunction } from '#shared/server/run.ts'
import { alertCounters } from './effects.ts'
import { route } from './route.ts'

runFunction({
  name: 'relay-alerts',
  env: {},
  app: ({ log, metrics, publisher }) => route({ publisher: publisher(), log, counters: alertCounters(metrics) }),
})
