// What all integration tests of a run share: one real control plane and one real PostgreSQL.
import type { TestProject } from 'vitest/node'

import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { type Binaries, startControlPlane } from '#local/control-plane/start.ts'
import { startPostgres } from '#local/postgres/start.ts'
import { createProgress } from '#local/world/progress.ts'

import { silentLog } from './postgres.ts'
import { makeRunFolder, sweepRunFolders } from './run-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of a kubeconfig with all rights. */
    kubeconfig: string
    /** For tests that start a control plane of their own (`ownControlPlane`). */
    controlPlaneBinaries: Binaries
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ending = new AbortController()
  const { signal } = ending
  await sweepRunFolders()
  const progress = createProgress(process.stderr)
  const binaries = await progress.step('control plane', (tell) => obtainControlPlane({ progress: tell, signal }))
  const folder = await makeRunFolder()
  const [controlPlane, postgres] = await Promise.all([
    startControlPlane({ binaries, dataDir: folder.controlPlane, durable: false, signal }),
    startPostgres({ dataDir: folder.postgres, durable: false, signal, log: silentLog }),
  ])
  project.provide('kubeconfig', controlPlane.kubeconfig)
  project.provide('controlPlaneBinaries', binaries)
  project.provide('postgresUrl', postgres.adminUrl)
  return async () => {
    await Promise.all([controlPlane.stop(), postgres.stop()])
    ending.abort()
    await folder.remove()
  }
}
