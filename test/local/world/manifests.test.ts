import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readManifests } from '#local/world/manifests.ts'

async function folder(files: Record<string, string>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'manifests-'))
  onTestFinished(() => rm(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return path
}

const list = 'resources: [a.yaml]\n'
const object = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: platxa }\n'

describe('reading manifests', () => {
  it('gives every object of every listed file, in their order', async () => {
    const files = {
      'kustomization.yaml': 'resources: [b.yaml, a.yaml]',
      'a.yaml': object,
      'b.yaml': `---\n${object}---\n${object}`,
    }
    expect(await readManifests(await folder(files))).toHaveLength(3)
  })

  it.each([
    [
      'a kustomization that does more than list',
      { 'kustomization.yaml': `${list}namePrefix: x-\n`, 'a.yaml': object },
      'kustomization.yaml',
    ],
    ['YAML that is broken', { 'kustomization.yaml': list, 'a.yaml': 'a: [1' }, 'a.yaml'],
    [
      'an object without a name',
      { 'kustomization.yaml': list, 'a.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {}\n' },
      'a.yaml',
    ],
    ['a file that is not there', { 'kustomization.yaml': list }, 'a.yaml'],
  ])('refuses %s and names the file', async (_, files, named) => {
    await expect(readManifests(await folder(files))).rejects.toThrow(named)
  })
})
