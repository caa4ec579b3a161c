// node local/odoo/main.ts: the stand-in for Odoo, as the local node runs it. Below CONTAINER_ROOT lie the pod's volumes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { odooLog } from './log.ts'
import { startStandIn } from './server.ts'
import { parseConf, readSettings } from './settings.ts'

const root = process.env['CONTAINER_ROOT'] ?? '/'
const settings = readSettings(parseConf(readFileSync(join(root, 'etc/odoo/odoo.conf'), 'utf8')), process.env, root)
const log = odooLog(settings.database)
log('INFO', 'odoo', 'Odoo version 19.0 (stand-in)')
log('INFO', 'odoo', `database: ${settings.postgres.user}@${settings.postgres.host}:${settings.postgres.port}`)

let signals = 0
const ended = Promise.withResolvers<void>()
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    signals += 1
    // As in Odoo, the second one does not wait for anybody.
    if (signals > 1) process.exit(0)
    ended.resolve()
  })
}

try {
  const standIn = await startStandIn(settings, log)
  await ended.promise
  await standIn.stop()
  process.exit(0)
} catch (error) {
  log('CRITICAL', 'odoo.service.server', `Failed to start: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
