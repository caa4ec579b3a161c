// Which modules a template has, as a person writes it: `base,web,crm`.
import { z } from 'zod'

export const DEFAULT_MODULES = ['base', 'web', 'bus', 'mail', 'contacts'] as const

/** Names of modules, at least one; the web client is always among them, because every instance is used by it. */
export const moduleList = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .pipe(z.array(z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be names of modules, such as base,web,crm')).min(1))
  .transform((names): readonly string[] => [...new Set(['base', 'web', ...names])])
