import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NoOdoo, obtainOdoo } from '#local/real-odoo/obtain.ts'

const { signal } = new AbortController()

/** A machine with programs named odoo, each of which says its version. */
async function machine(versions: Readonly<Record<string, string>>) {
  const home = await mkdtemp(join(tmpdir(), 'odoo-machine-'))
  onTestFinished(() => rm(home, { recursive: true }))
  for (const [folder, version] of Object.entries(versions)) {
    await mkdir(join(home, folder))
    await writeFile(join(home, folder, 'odoo'), `#!/bin/sh\necho "Odoo Server ${version}"\n`)
    await chmod(join(home, folder, 'odoo'), 0o755)
  }
  const obtain = (environment: Readonly<Record<string, string>>) =>
    obtainOdoo({ progress: () => {}, signal, environment: { XDG_CACHE_HOME: join(home, 'cache'), ...environment } })
  return { home, obtain }
}

describe('a real Odoo', () => {
  it('is the one that ODOO_BIN names, with the arguments of ODOO_ARGS', async () => {
    const { home, obtain } = await machine({ named: '19.0-20260101', path: '19.0' })
    const bin = join(home, 'named', 'odoo')
    expect(await obtain({ ODOO_BIN: bin, ODOO_ARGS: '--addons-path=/a  --log-web', PATH: join(home, 'path') })).toEqual(
      {
        from: 'program',
        bin,
        args: ['--addons-path=/a', '--log-web'],
      },
    )
  })

  it('is else the first one on PATH', async () => {
    const { home, obtain } = await machine({ a: '19.0', b: '19.0' })
    const PATH = [join(home, 'none'), join(home, 'a'), join(home, 'b')].join(':')
    expect(await obtain({ PATH })).toMatchObject({ from: 'program', bin: join(home, 'a', 'odoo') })
  })

  it.each([
    ['is of another series', '18.0-20250101', /is Odoo 18, not 19/],
    ['says nothing that looks like a version', 'what?', /does not say its version/],
  ])('that was named and %s is not silently another one', async (_, version, why) => {
    const { home, obtain } = await machine({ named: version, path: '19.0' })
    const obtaining = obtain({ ODOO_BIN: join(home, 'named', 'odoo'), PATH: join(home, 'path') })
    await expect(obtaining).rejects.toThrow(NoOdoo)
    await expect(obtaining).rejects.toThrow(why)
  })

  it('that was named and is not there is said by its name, with what would help', async () => {
    const { obtain } = await machine({})
    await expect(obtain({ ODOO_BIN: '/nowhere/odoo' })).rejects.toThrow(
      /\/nowhere\/odoo.*[\s\S]*Any one of these helps/,
    )
  })
})
