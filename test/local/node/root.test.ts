import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { layOutRoot } from '#local/node/root.ts'

let folder: string
const volumes = (): Map<string, string> =>
  new Map(['data', 'config'].map((name) => [name, join(folder, 'volumes', name)]))
const lay = (mounts: { name: string; mountPath: string; subPath?: string }[]): Promise<void> =>
  layOutRoot(join(folder, 'root'), mounts, volumes())
const read = (path: string): Promise<string> => readFile(join(folder, 'root', path), 'utf8')

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'root-'))
  for (const path of volumes().values()) await mkdir(path, { recursive: true })
  await writeFile(join(folder, 'volumes/data/kept'), 'kept')
  await writeFile(join(folder, 'volumes/config/odoo.conf'), 'conf')
})
afterEach(() => rm(folder, { recursive: true }))

describe('the root of a container', () => {
  it('has each volume at its path, also one inside of the other', async () => {
    await lay([
      { name: 'config', mountPath: '/data/etc' },
      { name: 'data', mountPath: '/data' },
    ])
    expect([await read('data/kept'), await read('data/etc/odoo.conf')]).toEqual(['kept', 'conf'])
  })

  it('has one file, or one folder that is made for it, where subPath says so', async () => {
    await lay([
      { name: 'config', mountPath: '/etc/odoo/odoo.conf', subPath: 'odoo.conf' },
      { name: 'data', mountPath: '/mnt/addons', subPath: 'addons' },
    ])
    expect(await read('etc/odoo/odoo.conf')).toBe('conf')
    expect(existsSync(join(folder, 'volumes/data/addons'))).toBe(true)
  })

  it('laid out again leaves the volumes as they are', async () => {
    const mounts = [
      { name: 'data', mountPath: '/data' },
      { name: 'config', mountPath: '/data/etc' },
    ]
    await lay(mounts)
    await lay(mounts)
    expect([await read('data/kept'), await read('data/etc/odoo.conf')]).toEqual(['kept', 'conf'])
  })

  it('never removes content of a volume to mount another one over it', async () => {
    await mkdir(join(folder, 'volumes/data/etc'))
    await writeFile(join(folder, 'volumes/data/etc/precious'), 'x')
    const mounts = [
      { name: 'data', mountPath: '/data' },
      { name: 'config', mountPath: '/data/etc' },
    ]
    await expect(lay(mounts)).rejects.toThrow('another volume has content at')
    expect(existsSync(join(folder, 'volumes/data/etc/precious'))).toBe(true)
  })

  it.each(['/../../outside', '/a/../../../outside'])(
    'does not reach out of its folder by the path %s',
    async (mountPath) => {
      await lay([{ name: 'data', mountPath }])
      expect(existsSync(join(folder, 'outside'))).toBe(false)
      expect(await read('outside/kept')).toBe('kept')
    },
  )

  it('says which volume is missing', async () => {
    await expect(lay([{ name: 'none', mountPath: '/x' }])).rejects.toThrow('volume "none" : there is no such volume')
  })
})
