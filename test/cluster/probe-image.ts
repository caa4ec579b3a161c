import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'

import { REGISTRY } from '#local/cluster/images.ts'
import { bundle } from '#local/image/bundle.ts'
import type { ImageSpec } from '#local/image/oci.ts'
import { emptyRoot, NOBODY, nodeBinary, withLibraries } from '#local/image/roots.ts'
import { folderEntries } from '#local/image/tar.ts'

export const PROBE_IMAGE = `${REGISTRY}/probe:1`

export async function probeImage(folder: string): Promise<ImageSpec> {
  const app = await mkdtemp(join(folder, 'probe-'))
  await bundle(app, { main: join(import.meta.dirname, 'pods', 'probe.ts') })
  const node = 'usr/local/bin/node'
  const root = [...emptyRoot(), ...(await withLibraries({ [node]: await nodeBinary() }))]
  return {
    name: PROBE_IMAGE,
    layers: [root, await folderEntries(app, 'app')],
    entrypoint: [`/${node}`, '/app/main.mjs'],
    user: NOBODY,
  }
}
