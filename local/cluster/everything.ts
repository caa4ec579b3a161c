// The cluster with the project on it, from what was obtained beforehand. Runs inside the namespaces.
import { createWriteStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import type { ImageSpec } from '#local/image/oci.ts'
import type { Progress } from '#local/world/progress.ts'
import { createLog } from '#shared/server/log.ts'

import { installProject, type Project } from './project.ts'
import { projectImages } from './project-images.ts'
import { type Cluster, startCluster } from './start.ts'

const text = z.string()
/** What the inside needs to know: nothing can be fetched from in there. */
const prepared = z.strictObject({
  binaries: z.strictObject({
    etcd: text,
    'kube-apiserver': text,
    'kube-controller-manager': text,
    'kube-scheduler': text,
  }),
  programs: z.strictObject({ node: text, pause: text, knative: text, edge: text }),
  /** Go modules with the manifests of others. */
  sources: z.strictObject({ eventing: text, serving: text, networking: text, caching: text, traefik: text }),
  kustomize: text,
  owner: z.int(),
})
export type Prepared = z.output<typeof prepared>

const fileIn = (folder: string): string => join(folder, 'prepared.json')

export async function writePrepared(folder: string, value: Prepared): Promise<void> {
  await writeFile(fileIn(folder), JSON.stringify(value))
}

export interface Everything extends Cluster, Project {}

/** `more` gives images beside those of the project. */
export async function startEverything(
  folder: string,
  progress: Progress,
  signal: AbortSignal,
  more: (folder: string) => Promise<readonly ImageSpec[]> = async () => [],
): Promise<Everything> {
  const { kustomize, ...obtained } = prepared.parse(JSON.parse(await readFile(fileIn(folder), 'utf8')))
  const file = createWriteStream(join(folder, 'cluster.log'), { flags: 'a' })
  const log = createLog('cluster', { write: (line) => void file.write(line) })
  const images = await progress.step('bundling', async () => [
    ...(await projectImages(folder)),
    ...(await more(folder)),
  ])
  const step = <T>(name: string, work: () => Promise<T>): Promise<T> => progress.step(name, work)
  const cluster = await startCluster({ folder, ...obtained, images, step, log, signal })
  const { kubernetes } = cluster
  const project = await progress.step('the functions', () =>
    installProject({ kubernetes, kustomize, edge: cluster.edge, folder, log, signal }),
  )
  return { ...cluster, ...project }
}
