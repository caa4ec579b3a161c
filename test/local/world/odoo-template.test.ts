import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { buildByOdoo, OdooFailed } from '#local/world/odoo-template.ts'

const access = { host: '127.0.0.1', port: 5433, user: 'builder', password: 'secret', database: 'template_odoo_19_next' }
const signal = AbortSignal.timeout(20_000)

/** A program in place of Odoo, and what it was told. */
async function odoo(script: string) {
  const folder = await mkdtemp(join(tmpdir(), 'odoo-bin-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const bin = join(folder, 'odoo')
  await writeFile(bin, `#!/bin/sh\n{ echo "$PGUSER $PGPASSWORD $PGPORT $*"; cat; } >> ${folder}/heard\n${script}\n`)
  await chmod(bin, 0o755)
  const told: string[] = []
  return {
    told,
    build: () => buildByOdoo({ bin, args: ['--addons-path=/a'] }, access, { tell: (text) => told.push(text), signal }),
    heard: () => readFile(join(folder, 'heard'), 'utf8'),
  }
}

describe('a template made by a real Odoo', () => {
  it('gets its modules first, then its bundles, by the login that lives as long as the building', async () => {
    const { build, heard, told } = await odoo('exit 0')
    await build()
    const [install = '', shell = '', ...script] = (await heard()).split('\n')
    expect(install).toMatch(
      /^builder secret 5433 --config=\/dev\/null --database=template_odoo_19_next .*--init=base,web/,
    )
    expect(install).toMatch(/--stop-after-init --addons-path=\/a$/)
    expect(shell).toMatch(/^builder secret 5433 shell --config/)
    expect(script.join('\n')).toContain("'ir_attachment.location', 'db'")
    expect(told).toHaveLength(2)
  })

  it('keeps the password out of the command line, which everybody on the machine can read', async () => {
    const { build, heard } = await odoo('exit 0')
    await build()
    for (const line of (await heard()).split('\n')) expect(line.replace('builder secret', '')).not.toContain('secret')
  })

  it.each([
    ['ends with a fault', 'echo "no module named web" >&2; exit 1', 'no module named web'],
    [
      'throws in its shell, which ends with 0 all the same',
      'printf "x\\nTraceback (most recent call last)\\nKeyError\\n"',
      'KeyError',
    ],
  ])('is not one when Odoo %s', async (_, script, why) => {
    const { build } = await odoo(script)
    await expect(build()).rejects.toThrow(OdooFailed)
    await expect(build()).rejects.toThrow(why)
  })

  it('says so when there is no such program', async () => {
    const building = buildByOdoo({ bin: '/nowhere/odoo', args: [] }, access, { tell: () => {}, signal })
    await expect(building).rejects.toThrow('/nowhere/odoo')
  })
})
