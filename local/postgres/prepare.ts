/** Makes a fresh local server what the functions expect of a cluster's: the platform's role and one template per version. */
import { createHmac } from 'node:crypto'
import { connectPostgres, settingsFromUrl } from '#shared/postgres/connect.ts'
import { preparePlatform } from '#shared/postgres/platform.ts'
import { createTemplate, type TemplateOptions } from '#shared/postgres/template.ts'
import { standInTables } from './stand-in-tables.ts'

export interface PlatformLogin {
  readonly user: string
  readonly password: string
}

const USER = 'platxa'

/** Safe to repeat, and the same login every time: it goes into the Secret `platxa-postgres`. */
export async function preparePostgres(options: {
  /** Of the superuser. */
  readonly adminUrl: string
  /** Names of templates, such as `template_odoo_19`. */
  readonly templates: readonly string[]
  /** What fills them: the stand-in's tables unless a real Odoo is at hand. */
  readonly build?: TemplateOptions['build']
  readonly signal: AbortSignal
}): Promise<PlatformLogin> {
  const { adminUrl, templates, build = standInTables, signal } = options
  const settings = settingsFromUrl(adminUrl)
  const password = createHmac('sha256', settings.password).update(USER).digest('base64url')
  await preparePlatform({ root: connectPostgres(settings), user: USER, password, signal })
  const admin = connectPostgres({ ...settings, user: USER, password })
  for (const template of templates) await createTemplate({ admin, template, build, signal })
  return { user: USER, password }
}
