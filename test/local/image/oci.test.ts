import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { describe, expect, it, onTestFinished } from 'vitest'

import { type ImageSpec, writeLayout } from '#local/image/oci.ts'
import { type Entry, tar } from '#local/image/tar.ts'

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'platxa-oci-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const entries: readonly Entry[] = [
  { path: 'etc', folder: true },
  { path: 'etc/name', text: 'nobody\n' },
  { path: 'bin/start', text: '#!/bin/x\n', mode: 0o755 },
  { path: 'lib', link: 'usr/lib' },
  { path: `${'long/'.repeat(25)}name`, text: 'far away' },
]

describe('an archive', () => {
  it('is one that tar can read, with modes, links and long paths', async () => {
    const folder = await scratch()
    const file = join(folder, 'layer.tar')
    await writeFile(file, tar(entries))
    const { stdout } = await promisify(execFile)('tar', ['--numeric-owner', '-tvf', file])
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => line.replaceAll(/\s+/g, ' '))
    expect(lines).toHaveLength(entries.length)
    expect(lines[0]).toMatch(/^drwxr-xr-x 0\/0 .* etc\/$/)
    expect(lines[2]).toMatch(/^-rwxr-xr-x .* bin\/start$/)
    expect(lines[3]).toMatch(/^lrwx.* lib -> usr\/lib$/)
    expect(lines[4]).toMatch(/long\/name$/)
    await promisify(execFile)('tar', ['-C', folder, '-xf', file])
    expect(await readFile(join(folder, 'etc/name'), 'utf8')).toBe('nobody\n')
  })

  it('refuses a name that does not fit', async () => {
    const all = async (): Promise<unknown> => await Array.fromAsync(tar([{ path: 'x'.repeat(200), text: '' }]))
    await expect(all()).rejects.toThrow('too long')
  })
})

describe('a layout', () => {
  const image = (name: string): ImageSpec => ({ name, layers: [entries], entrypoint: ['/bin/start'], user: '1:1' })

  it('names every blob by what is in it, and shares layers', async () => {
    const folder = await scratch()
    await writeLayout(folder, [image('x/a:1'), image('x/b:1')])
    const blobs = join(folder, 'blobs', 'sha256')
    const names = await readdir(blobs)
    for (const name of names) {
      expect(
        createHash('sha256')
          .update(await readFile(join(blobs, name)))
          .digest('hex'),
      ).toBe(name)
    }
    expect(names).toHaveLength(3) // layer, configuration and manifest are the same for both
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
      manifests: { annotations: Record<string, string> }[]
    }
    expect(index.manifests.map(({ annotations }) => annotations['org.opencontainers.image.ref.name'])).toEqual([
      'x/a:1',
      'x/b:1',
    ])
  })

  it('is the same when it is made again', async () => {
    const [one, two] = [await scratch(), await scratch()]
    await writeLayout(one, [image('x/a:1')])
    await writeLayout(two, [image('x/a:1')])
    expect(await readdir(join(one, 'blobs', 'sha256'))).toEqual(await readdir(join(two, 'blobs', 'sha256')))
  })
})
