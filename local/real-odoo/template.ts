// The template database of a real Odoo, on a server that is given.
import type { OdooVersion } from '#shared/instance/versions.ts'
import type { Admin } from '#shared/postgres/connect.ts'
import { createTemplate } from '#shared/postgres/template.ts'
import { checkTemplate } from '#shared/template/check.ts'
import { buildTemplate } from './build-template.ts'
import type { RealOdoo } from './obtain.ts'

export interface Template {
  readonly odoo: RealOdoo
  readonly version: OdooVersion
  readonly modules: readonly string[]
  readonly tell: (detail: string) => void
}

export interface FillOptions extends Template {
  readonly admin: Admin
  /** Takes the place of the one that is there; otherwise that one stays. */
  readonly replace?: boolean
  readonly signal: AbortSignal
}

/** True when it was made now. */
export function fillTemplate({ admin, replace = false, signal, ...template }: FillOptions): Promise<boolean> {
  const { version, modules } = template
  return createTemplate({
    admin,
    template: `template_odoo_${version}`,
    replace,
    build: (access, limit) => buildTemplate(template, access, limit),
    check: (inside) => checkTemplate(inside, modules),
    madeOf: `Odoo ${version} with ${modules.join(', ')}`,
    signal,
  })
}
