// Whether this machine can have a real Odoo: minutes the first time, so `npm test` finds out before and says so here.
import { NoOdoo, obtainOdoo } from '#local/real-odoo/obtain.ts'
import { NO_ODOO } from './no-odoo.ts'

/** Undefined when it can; else the reason, as a test's name says it. */
export const noOdoo: string | undefined = await reason()

async function reason(): Promise<string | undefined> {
  const known = process.env[NO_ODOO]
  if (known) return ` (skipped: ${known})`
  try {
    await obtainOdoo({ progress: () => {}, signal: new AbortController().signal })
    return undefined
  } catch (error) {
    if (error instanceof NoOdoo) return ` (skipped: ${error.faults.join('; ')})`
    throw error
  }
}
