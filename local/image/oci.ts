// Images as the Open Container Initiative describes them on disk: a folder of blobs and an index. No Docker, no registry.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { type Entry, tar } from './tar.ts'

const OCI = 'application/vnd.oci.image'
/** Docker's and Go's names for what Node calls x64. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

export interface ImageSpec {
  /** With its tag. */
  readonly name: string
  /** From the bottom up. Images that share a layer share its blob. */
  readonly layers: readonly (readonly Entry[])[]
  readonly entrypoint: readonly string[]
  readonly user: string
  readonly env?: Readonly<Record<string, string>>
  readonly workingDir?: string
}

interface Blob {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** Adds images to a layout, or makes it. Layers stay uncompressed: nothing here travels. */
export async function writeLayout(folder: string, images: readonly ImageSpec[]): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true })
  const manifests: object[] = []
  for (const image of images) manifests.push(await writeImage(folder, image))
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
}

async function writeImage(folder: string, image: ImageSpec): Promise<object> {
  const layers: Blob[] = []
  for (const entries of image.layers) layers.push(await writeBlob(folder, `${OCI}.layer.v1.tar`, tar(entries)))
  const { entrypoint, user, env = {}, workingDir = '/' } = image
  const config = await writeJson(folder, `${OCI}.config.v1+json`, {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: 'linux',
    config: {
      Entrypoint: entrypoint,
      User: user,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      WorkingDir: workingDir,
      StopSignal: 'SIGTERM',
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  })
  const mediaType = `${OCI}.manifest.v1+json`
  const manifest = await writeJson(folder, mediaType, { schemaVersion: 2, mediaType, config, layers })
  const name = image.name
  return {
    ...manifest,
    // containerd takes the name from the first, other tools from the second
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
  }
}

function writeJson(folder: string, mediaType: string, value: object): Promise<Blob> {
  return writeBlob(folder, mediaType, [Buffer.from(JSON.stringify(value))])
}

async function writeBlob(
  folder: string,
  mediaType: string,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<Blob> {
  const blobs = join(folder, 'blobs', 'sha256')
  const unfinished = join(blobs, `unfinished-${process.pid}`)
  const hash = createHash('sha256')
  const hashed = async function* () {
    for await (const chunk of content) {
      hash.update(chunk)
      yield chunk
    }
  }
  await pipeline(Readable.from(hashed()), createWriteStream(unfinished))
  const digest = hash.digest('hex')
  const { size } = await stat(unfinished)
  await rename(unfinished, join(blobs, digest))
  return { mediaType, digest: `sha256:${digest}`, size }
}
