// Whether what Odoo built may be cloned: asked of the database, not of the log.
import type { Session } from '#shared/postgres/connect.ts'
import { BUNDLES } from './files.ts'

/** Not a template that anybody should get. The one in use stays. */
export class BadTemplate extends Error {
  override readonly name = 'BadTemplate'
}

/** Bundles without which no page is shown; the others are empty in some series. */
const NEEDED = BUNDLES.filter((name) => ['web.assets_web', 'web.assets_frontend'].includes(name))

export async function checkTemplate(inside: Session, modules: readonly string[]): Promise<void> {
  const faults = [
    ...(await missingModules(inside, modules)),
    ...(await told(inside, 'module(s) with demo data', `SELECT name FROM public.ir_module_module WHERE demo`)),
    ...(await told(
      inside,
      'file(s) outside of the database',
      'SELECT id AS name FROM public.ir_attachment WHERE store_fname IS NOT NULL',
    )),
    ...(await told(
      inside,
      'user(s) with a password',
      'SELECT login AS name FROM public.res_users WHERE password IS NOT NULL',
    )),
    ...(await missingBundles(inside)),
  ]
  if (faults.length > 0) throw new BadTemplate(`the new template is not used: ${faults.join('; ')}`)
}

async function missingModules(inside: Session, modules: readonly string[]): Promise<readonly string[]> {
  const rows = await inside.query<{ name: string; state: string }>(
    `SELECT name, state FROM public.ir_module_module WHERE name = ANY ($1) OR state IN ('to install', 'to upgrade', 'to remove')`,
    [modules],
  )
  const states = new Map(rows.map(({ name, state }) => [name, state]))
  for (const name of modules) if (!states.has(name)) states.set(name, 'unknown')
  return [...states].filter(([, state]) => state !== 'installed').map(([name, state]) => `module ${name} is ${state}`)
}

async function missingBundles(inside: Session): Promise<readonly string[]> {
  const rows = await inside.query<{ url: string }>(
    `SELECT url FROM public.ir_attachment WHERE url LIKE '/web/assets/%' AND db_datas IS NOT NULL`,
  )
  const files = NEEDED.flatMap((name) => [`/${name}.min.js`, `/${name}.min.css`])
  return files.filter((file) => !rows.some(({ url }) => url.endsWith(file))).map((file) => `${file} is not compiled`)
}

async function told(inside: Session, what: string, query: string): Promise<readonly string[]> {
  const rows = await inside.query<{ name: unknown }>(query)
  return rows.length === 0
    ? []
    : [
        `${rows.length} ${what} (${rows
          .slice(0, 3)
          .map(({ name }) => String(name))
          .join(', ')})`,
      ]
}
