// The two ends of the Job that makes a template: `prepare` gives Odoo's container a database, a login and the files that
// tell it what to do; `finish` looks at what came out and puts it into use. Between them Odoo's own image runs build.sh.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { odooVersion } from '#shared/instance/versions.ts'
import { platformFrom, platformVariables } from '#shared/instance/platform.ts'
import { adminVariables, connectAdmin } from '#shared/postgres/admin.ts'
import { beginTemplate, finishTemplate } from '#shared/postgres/template.ts'
import { readEnv } from '#shared/server/env.ts'
import { createLog } from '#shared/server/log.ts'
import { checkTemplate } from '#shared/template/check.ts'
import { templateFiles } from '#shared/template/files.ts'
import { moduleList } from '#shared/template/modules.ts'

const log = createLog('template')
const env = readEnv(
  z.object({
    ...platformVariables.shape,
    ...adminVariables.shape,
    ODOO_VERSION: odooVersion,
    MODULES: moduleList,
    /** Shared by the three containers. */
    FOLDER: z.string().min(1),
    /** Where the volumes of this container begin; a container of its own begins at `/`. */
    CONTAINER_ROOT: z.string().default('/'),
  }),
)
const folder = join(env.CONTAINER_ROOT, env.FOLDER)
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort(new Error('the Job is ended')))
const { postgres } = platformFrom(env)
const admin = connectAdmin(postgres, env)
const which = { admin, template: `template_odoo_${env.ODOO_VERSION}`, signal: stopping.signal }

try {
  await { prepare, finish }[z.enum(['prepare', 'finish']).parse(process.argv[2])]()
} catch (error) {
  log.error({ error, template: which.template }, 'the template in use stays as it is')
  process.exitCode = 1
}

async function prepare(): Promise<void> {
  const { access, id } = await beginTemplate(which)
  const files = templateFiles({
    access,
    sslmode: postgres.sslmode,
    version: env.ODOO_VERSION,
    modules: env.MODULES,
    folder: env.FOLDER,
  })
  for (const [name, text] of Object.entries({ ...files, id })) {
    await writeFile(join(folder, name), text, { mode: 0o640 })
  }
  log.info({ database: access.database, modules: env.MODULES }, 'Odoo may begin')
}

async function finish(): Promise<void> {
  const id = await readFile(join(folder, 'id'), 'utf8')
  const madeOf = `Odoo ${env.ODOO_VERSION} with ${env.MODULES.join(', ')}`
  await finishTemplate({ ...which, id, madeOf, check: (inside) => checkTemplate(inside, env.MODULES) })
  log.info({ template: which.template, modules: env.MODULES }, 'the template is in use')
}
