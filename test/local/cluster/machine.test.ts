import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { lacks } from '#local/cluster/machine.ts'
import { tryNamespaces } from '#local/cluster/trial.ts'

describe('a machine that has nothing', () => {
  it('is told the packages it lacks, and what no package brings', async () => {
    const { reasons, packages } = await lacks({ PATH: '' })
    expect(packages).toEqual(expect.arrayContaining(['containerd', 'util-linux']))
    expect(reasons.join()).toContain('Go 1.26 or newer')
  })
})

describe.runIf(process.platform === 'linux')('a machine that forbids something', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trial-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is told what, by the words of who forbids it', async () => {
    const said = await tryNamespaces(folder, [
      ['a first thing', 'true'],
      ["the second's", 'echo no such luck >&2; false'],
      ['a third thing', 'true'],
    ])
    expect(said).toMatch(/^(the second's cannot be had: no such luck|namespaces cannot be had: .+)$/)
  })
})
