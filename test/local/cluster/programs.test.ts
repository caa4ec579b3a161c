import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { hashOf, type Module, modules } from '#local/cluster/programs.ts'
import { GO_MODULE_FOLDER } from '#local/control-plane/pinned.ts'
import { type ModuleName, pinnedModules } from '#local/tools/modules.ts'

const controlPlane = await readFile(join(GO_MODULE_FOLDER, 'go.mod'), 'utf8')
const all = await modules()
const goMod = ({ folder }: Module): Promise<string> => readFile(join(folder, 'go.mod'), 'utf8')

// Traefik's Gateway API needs newer ones.
describe.each(all.filter(({ name }) => name === 'node' || name === 'knative'))('the Go module of "$name"', (module) => {
  it('has the libraries of Kubernetes in the versions of the control plane, which are compiled already', async () => {
    const pinned = [...(await goMod(module)).matchAll(/^(?:replace |\t)(k8s\.io\/\S+) => k8s\.io\/\S+ (v\S+)$/gm)]
    expect(pinned.length).toBeGreaterThan(3)
    for (const [, path, version] of pinned) {
      expect.soft(controlPlane).toMatch(new RegExp(`\\s${path} (=> ${path} )?${version}\\b`))
    }
  })
})

describe.each(all)('the Go module of "$name"', (module) => {
  it('replaces nothing by a folder that is not beside it', async () => {
    const folders = [...(await goMod(module)).matchAll(/=> (\.?\.?\/\S+)/g)].map(([, folder]) => folder)
    expect(folders.filter((folder) => folder !== './ext')).toEqual([])
  })
})

describe('manifests and programs of others', () => {
  it.each<[ModuleName, Module['name']]>([
    ['eventing', 'knative'],
    ['serving', 'knative'],
    ['networking', 'knative'],
    ['caching', 'knative'],
    ['traefik', 'edge'],
  ])('of %s are of one version', async (name, of) => {
    const { path, version } = pinnedModules[name]
    const module = all.find((one) => one.name === of) as Module
    expect(await goMod(module)).toMatch(new RegExp(`\\t${path} ${version.replaceAll('.', '\\.')}\\b`))
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
