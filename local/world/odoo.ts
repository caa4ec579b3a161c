// Which Odoo the instances of this world are: the stand-in or a real one. Databases of the one are of no use to the other,
// so a folder stays with the kind that it began with.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Seed } from '#local/postgres/initialise.ts'
import { ODOO_SERIES, obtainOdoo, type RealOdoo } from '#local/real-odoo/obtain.ts'
import { obtainSeed } from '#local/real-odoo/seed.ts'
import { fillTemplate } from '#local/real-odoo/template.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import type { Log } from '#shared/server/log.ts'
import { DEFAULT_MODULES } from '#shared/template/modules.ts'
import type { Layout } from './layout.ts'
import type { Options } from './options.ts'
import { ensureStandInTemplate } from './platform-database.ts'
import type { Progress } from './progress.ts'

export class OtherOdoo extends Error {
  override readonly name = 'OtherOdoo'
}

export interface OdooOf {
  readonly options: Pick<Options, 'odoo'>
  readonly layout: Pick<Layout, 'postgres'>
  readonly progress: Progress
  readonly signal: AbortSignal
}

interface Deps {
  readonly progress: Progress
  readonly log: Log
  readonly signal: AbortSignal
}

/** What a new database server of this world begins with; undefined where the template is made in place. */
export async function seedOf(odoo: RealOdoo | undefined, { progress, log, signal }: Deps): Promise<Seed | undefined> {
  if (odoo?.from !== 'root') return undefined
  return progress.step('obtaining the template database', (tell) =>
    obtainSeed({ odoo, version: ODOO_SERIES, modules: DEFAULT_MODULES, tell, log, signal }),
  )
}

/** Unless it is there. */
export async function ensureTemplate(admin: Admin, odoo: RealOdoo | undefined, deps: Deps): Promise<void> {
  const { progress, signal } = deps
  await progress.step('preparing the template database', (tell) =>
    odoo === undefined
      ? ensureStandInTemplate(admin, ODOO_SERIES, signal)
      : fillTemplate({ admin, odoo, version: ODOO_SERIES, modules: DEFAULT_MODULES, tell, signal }),
  )
}

/** Undefined: the stand-in. Throws OtherOdoo or NoOdoo. */
export async function odooOf({ options, layout, progress, signal }: OdooOf): Promise<RealOdoo | undefined> {
  const file = join(layout.postgres, 'odoo')
  const before = await readFile(file, 'utf8').catch(() => undefined)
  if (before !== undefined && before !== options.odoo) throw new OtherOdoo(told(before, options.odoo))
  const odoo =
    options.odoo === 'real'
      ? await progress.step('obtaining Odoo', (tell) => obtainOdoo({ progress: tell, signal }))
      : undefined
  await mkdir(layout.postgres, { recursive: true })
  await writeFile(file, options.odoo)
  return odoo
}

function told(before: string, wanted: string): string {
  return [
    `The instances here were made for ${words(before)}, and ${words(wanted)} cannot use their databases.`,
    `  npm start -- --odoo ${before}            goes on with them`,
    `  npm start -- --odoo ${wanted} --fresh    forgets them`,
    `  PLATXA_STATE_DIR=another-folder          keeps both`,
  ].join('\n')
}

const words = (kind: string): string => (kind === 'real' ? 'a real Odoo' : 'the stand-in')
