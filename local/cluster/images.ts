// Images without a registry: written to disk as a layout and handed to containerd.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { type ImageSpec, writeLayout } from '#local/image/oci.ts'
import { emptyRoot, NOBODY } from '#local/image/roots.ts'

/** Of containerd, inside of the namespaces. */
export const SOCKET = '/run/containerd/containerd.sock'
/** No registry has it: an image with a tag that is not `latest` is never asked for while it is there. */
export const REGISTRY = 'dev.local'
export const PAUSE_IMAGE = `${REGISTRY}/pause:1`

/** One static program on an empty root. */
export function programImage(name: string, file: string): ImageSpec {
  return {
    name,
    layers: [[...emptyRoot(), { path: 'program', file, mode: 0o755 }]],
    entrypoint: ['/program'],
    user: NOBODY,
  }
}

/** Into containerd, and marked so that the kubelet never removes them to save space. */
export async function importImages(images: readonly ImageSpec[], dataDir: string): Promise<void> {
  const layout = await mkdtemp(join(dataDir, 'images-'))
  try {
    await writeLayout(layout, images)
    await importLayout(layout)
    for (const { name } of images) await ctr(['images', 'label', name, 'io.cri-containerd.pinned=pinned'])
  } finally {
    await rm(layout, { recursive: true, force: true })
  }
}

async function importLayout(folder: string): Promise<void> {
  const tar = spawn('tar', ['-C', folder, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await ctr(['images', 'import', '-'], tar.stdout)
}

async function ctr(args: readonly string[], input?: NodeJS.ReadableStream): Promise<void> {
  const child = spawn('ctr', ['--address', SOCKET, '--namespace', 'k8s.io', ...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`ctr ${args.slice(0, 2).join(' ')} failed (${code}): ${text.trim()}`))
    })
  })
  // when ctr gives up early its own message tells why, not the broken pipe
  const fed = input === undefined || child.stdin === null ? undefined : pipeline(input, child.stdin)
  await Promise.all([ended, fed?.catch(() => undefined)])
}
