// The folder of one run, and the sweeping up after runs that were killed.
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { removeCgroup } from '#local/cluster/namespaces.ts'
import { commandOf } from '#local/control-plane/processes.ts'

const PREFIX = 'platxa-cluster-'

export interface ClusterFolder {
  readonly path: string
  remove(): Promise<void>
}

export async function makeClusterFolder(): Promise<ClusterFolder> {
  await sweep()
  const path = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`))
  await chmod(path, 0o755) // pods of other users come through to their volumes
  return { path, remove: () => removeAll(path, process.pid) }
}

async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
    if (owner === undefined || commandOf(Number(owner)) !== undefined) continue
    await removeAll(join(tmpdir(), name), Number(owner))
  }
}

async function removeAll(path: string, owner: number): Promise<void> {
  await removeCgroup(owner)
  if (process.env['KEEP_CLUSTER_FOLDER'] === undefined) await rm(path, { recursive: true, force: true, maxRetries: 5 })
}
