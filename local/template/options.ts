// What can be said to `npm run template`.
import { parseArgs } from 'node:util'
import { ODOO_SERIES } from '#local/real-odoo/obtain.ts'
import { OptionError } from '#local/world/options.ts'
import { DEFAULT_MODULES, moduleList } from '#shared/template/modules.ts'

export const templateUsage = `usage: npm run template -- [options]

  --odoo-version 19    the series; the local world has this one only
  --modules base,web   which modules every instance begins with (${DEFAULT_MODULES.join(',')})
  --help               this text`

export interface TemplateAsked {
  readonly version: typeof ODOO_SERIES
  readonly modules: readonly string[]
}

/** Throws OptionError; undefined when only the usage is wanted. */
export function readTemplateOptions(args: readonly string[]): TemplateAsked | undefined {
  const values = read(args)
  if (values.help) return undefined
  const version = values['odoo-version']
  if (version !== ODOO_SERIES)
    throw new OptionError(`--odoo-version ${version}: the local world has ${ODOO_SERIES} only`)
  const modules = moduleList.safeParse(values.modules)
  if (!modules.success) throw new OptionError(`--modules ${values.modules}: ${modules.error.issues[0]?.message}`)
  return { version, modules: modules.data }
}

function read(args: readonly string[]) {
  try {
    const options = {
      'odoo-version': { type: 'string', default: ODOO_SERIES },
      modules: { type: 'string', default: DEFAULT_MODULES.join(',') },
      help: { type: 'boolean', short: 'h', default: false },
    } as const
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new OptionError(`${error instanceof Error ? error.message : String(error)}\n\n${templateUsage}`, {
      cause: error,
    })
  }
}
