// Scratch space of one test run, and the sweeping up after runs that were killed.
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { commandOf, endStale } from '#local/control-plane/processes.ts'
import { processNotes } from '#local/control-plane/start.ts'
import { leftover, stopServer } from '#local/postgres/process.ts'

const PREFIX = 'platxa-test-'

export interface RunFolder {
  readonly controlPlane: string
  readonly postgres: string
  remove(): Promise<void>
}

export async function makeRunFolder(): Promise<RunFolder> {
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`))
  await chmod(folder, 0o755) // PostgreSQL's user has to come through
  return { ...partsOf(folder), remove: () => rm(folder, { recursive: true, force: true }) }
}

function partsOf(folder: string): Pick<RunFolder, 'controlPlane' | 'postgres'> {
  return { controlPlane: join(folder, 'control-plane'), postgres: join(folder, 'postgres') }
}

/** Ends and removes what runs whose process is gone left behind. */
export async function sweepRunFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
    if (owner === undefined || commandOf(Number(owner)) !== undefined) continue
    const folder = join(tmpdir(), name)
    const { controlPlane, postgres } = partsOf(folder)
    await endStale(processNotes(controlPlane))
    for (const data of [join(postgres, 'server', 'data'), join(postgres, 'data')]) {
      const pid = await leftover(data)
      if (pid !== undefined) await stopServer(pid)
    }
    await rm(folder, { recursive: true, force: true })
  }
}
