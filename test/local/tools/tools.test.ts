// Where a program comes from, with a PATH and a cache of the test's own. That it can be built is shown by every test that
// uses it.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NoTool, obtainTool } from '#local/tools/tools.ts'

let folder = ''
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'platxa-tools-'))))
afterEach(() => rm(folder, { recursive: true }))

/** A program that prints this, as the only one there is. */
async function onPath(name: string, says: string): Promise<void> {
  await mkdir(join(folder, 'bin'), { recursive: true })
  await writeFile(join(folder, 'bin', name), `#!/bin/sh\necho '${says}'\n`)
  await chmod(join(folder, 'bin', name), 0o755)
}

function obtain(name: 'kustomize' | 'queue-proxy'): Promise<string> {
  const environment = { PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache') }
  return obtainTool(name, { tell: () => {}, signal: AbortSignal.timeout(30_000), environment })
}

describe('a tool', () => {
  it('is the one on the PATH when it is new enough', async () => {
    await onPath('kustomize', 'v5.4.3')
    expect(await obtain('kustomize')).toBe(join(folder, 'bin', 'kustomize'))
  })

  it.each([
    ['too old', 'v4.5.7'],
    ['of no version', ''],
  ])('is not the one on the PATH when that is %s', async (_, says) => {
    await onPath('kustomize', says)
    await expect(obtain('kustomize')).rejects.toThrow('could not be built: Go is not installed')
  })

  it('is never taken from the PATH when only its pinned version will do', async () => {
    await onPath('queue', 'v1')
    await expect(obtain('queue-proxy')).rejects.toBeInstanceOf(NoTool)
  })
})
