import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { odooOf, OtherOdoo } from '#local/world/odoo.ts'
import { createProgress } from '#local/world/progress.ts'

it('a folder whose instances were made for the stand-in is not given to a real Odoo, and says what to do', async () => {
  const postgres = await mkdtemp(join(tmpdir(), 'odoo-kind-'))
  onTestFinished(() => rm(postgres, { recursive: true }))
  const { signal } = new AbortController()
  const start = (odoo: 'stand-in' | 'real') =>
    odooOf({ options: { odoo }, layout: { postgres }, progress: createProgress({ write: () => {} }), signal })
  expect(await start('stand-in')).toBeUndefined()
  expect(await start('stand-in')).toBeUndefined()
  await expect(start('real')).rejects.toThrow(OtherOdoo)
  await expect(start('real')).rejects.toThrow('npm start -- --odoo real --fresh')
})
