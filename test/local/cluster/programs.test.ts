import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { hashOf, modules } from '#local/cluster/programs.ts'
import { GO_MODULE_FOLDER } from '#local/control-plane/pinned.ts'

const controlPlane = await readFile(join(GO_MODULE_FOLDER, 'go.mod'), 'utf8')

const all = await modules()

describe.each(all.filter(({ name }) => name === 'node'))('the Go module of "$name"', (module) => {
  it('has the libraries of Kubernetes in the versions of the control plane, which are compiled already', async () => {
    const own = await readFile(join(module.folder, 'go.mod'), 'utf8')
    const pinned = [...own.matchAll(/^(?:replace |\t)(k8s\.io\/\S+) => k8s\.io\/\S+ (v\S+)$/gm)]
    expect(pinned.length).toBeGreaterThan(3)
    for (const [, path, version] of pinned) {
      expect.soft(controlPlane).toMatch(new RegExp(`\\s${path} (=> ${path} )?${version}\\b`))
    }
  })
})

describe.each(all)('what "$name" was built as', (module) => {
  it('is kept under a name that changes with what it is made of', async () => {
    const hash = await hashOf(module)
    expect(hash).toMatch(/^[0-9a-f]{12}$/)
    expect(await hashOf(module)).toBe(hash)
    expect(await hashOf({ ...module, flags: [...module.flags, '-race'] })).not.toBe(hash)
    expect(await hashOf({ ...module, programs: [] })).not.toBe(hash)
  })
})
