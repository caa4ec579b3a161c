// Images of this project for the cluster: the functions, and the stand-in for Odoo.
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'

import { bundle, bundleFunctions } from '#local/image/bundle.ts'
import { imageEntrypoint, imageEnvironment } from '#local/image/environment.ts'
import type { ImageSpec } from '#local/image/oci.ts'
import { emptyRoot, NOBODY, nodeBinary, withLibraries } from '#local/image/roots.ts'
import { type Entry, folderEntries } from '#local/image/tar.ts'
import { repository } from '#local/world/layout.ts'

import { REGISTRY } from './images.ts'

const NODE = 'usr/local/bin/node'

export const FUNCTIONS_IMAGE = `${REGISTRY}/platxa-functions:1`
export const ODOO_IMAGE = `${REGISTRY}/odoo:19.0`

/** Work is left in the folder, which is the caller's to remove. */
export async function projectImages(folder: string): Promise<readonly ImageSpec[]> {
  const root = [...emptyRoot(), ...(await withLibraries({ [NODE]: await nodeBinary() }))]
  return await Promise.all([functionsImage(folder, root), standInImage(folder, root)])
}

export async function functionsImage(folder: string, root: readonly Entry[]): Promise<ImageSpec> {
  const app = await mkdtemp(join(folder, 'functions-'))
  await bundleFunctions(app, { place: '/app', node: await nodeBinary() })
  return {
    name: FUNCTIONS_IMAGE,
    layers: [root, await folderEntries(app, 'app')],
    entrypoint: imageEntrypoint(`/${NODE}`, '/app'),
    user: NOBODY,
    env: imageEnvironment,
  }
}

/** The pod of an instance starts `odoo`; without a shell in the image, the kernel itself reads the first line. */
async function standInImage(folder: string, root: readonly Entry[]): Promise<ImageSpec> {
  const app = await mkdtemp(join(folder, 'odoo-'))
  const source = join(repository, 'local', 'odoo')
  await bundle(app, { main: join(source, 'main.ts') })
  const start = `#!/${NODE}\nimport('/app/main.mjs')\n`
  return {
    name: ODOO_IMAGE,
    layers: [
      root,
      [
        ...(await folderEntries(app, 'app')),
        ...(await folderEntries(join(source, 'static'), 'app/static')),
        { path: 'usr/local/bin/odoo', text: start, mode: 0o755 },
      ],
    ],
    entrypoint: ['/usr/local/bin/odoo'],
    user: NOBODY,
    env: { PATH: '/usr/local/bin' },
  }
}
