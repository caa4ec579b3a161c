// The two servers everything rests on: a real control plane and a real PostgreSQL.
import { obtainControlPlane } from '#local/control-plane/obtain.ts'
import { type ControlPlane, startControlPlane } from '#local/control-plane/start.ts'
import type { Seed } from '#local/postgres/initialise.ts'
import { type RunningPostgres, startPostgres } from '#local/postgres/start.ts'
import type { Log } from '#shared/server/log.ts'
import type { Layout } from './layout.ts'
import type { Progress } from './progress.ts'

export interface ServerDeps {
  readonly layout: Layout
  readonly progress: Progress
  readonly log: Log
  /** A PostgreSQL that already has the template. */
  readonly seed: Seed | undefined
  readonly signal: AbortSignal
  readonly onDeath: (error: Error) => void
}

/** Started side by side; `stack` ends them. */
export async function startServers(
  deps: ServerDeps,
  stack: AsyncDisposableStack,
): Promise<[ControlPlane, RunningPostgres]> {
  const { layout, progress, log, seed, signal, onDeath } = deps
  const binaries = await progress.step('obtaining the control plane', (tell) =>
    obtainControlPlane({ progress: tell, signal }),
  )
  // Both are waited for, so that one that fails does not leave the other behind.
  const [controlPlane, postgres] = await Promise.allSettled([
    progress.step('starting the control plane', (tell) =>
      startControlPlane({ binaries, dataDir: layout.controlPlane, signal, progress: tell, onDeath }),
    ),
    progress.step('starting PostgreSQL', () => startPostgres({ dataDir: layout.postgres, seed, signal, log })),
  ])
  if (controlPlane.status === 'fulfilled') stack.defer(() => controlPlane.value.stop())
  if (postgres.status === 'fulfilled') stack.defer(() => postgres.value.stop())
  if (controlPlane.status === 'rejected') throw controlPlane.reason
  if (postgres.status === 'rejected') throw postgres.reason
  return [controlPlane.value, postgres.value]
}
