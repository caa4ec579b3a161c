// wake as its image runs it, as a process of its own, with the flags of its manifest.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundleFunctions } from '#local/image/bundle.ts'
import { functionEnvironment, imageEntrypoint } from '#local/image/environment.ts'
import type { Kit, Started } from '../figure.ts'
import type { Cluster } from './cluster.ts'

export interface Replica {
  readonly port: number
  readonly controlPort: number
  readonly process: Started
  metric(name: string): Promise<number>
  /** Waits until it sees the instance in this state. */
  sees(name: string, state: string): Promise<void>
  /** From its start until it knew all instances. */
  readonly readyAfterMs: number
}

/** `over`: other settings than those of the benches that have one replica. */
export async function startReplica(
  kit: Kit,
  { environment: apiServer }: Cluster,
  over: Readonly<Record<string, string>> = {},
): Promise<Replica> {
  const [port, metrics] = [await kit.freePort(), await kit.freePort()]
  const control = Number(over['CONTROL_PORT'] ?? (await kit.freePort()))
  const from = performance.now()
  const environment = {
    ...(await functionEnvironment('wake')),
    ...apiServer,
    HOST: '127.0.0.1',
    PORT: port,
    CONTROL_PORT: control,
    METRICS_PORT: metrics,
    LOG_LEVEL: 'warn',
    DRAIN_DELAY: '1ms',
    HOLD_TIMEOUT: '10m',
    // All wakes of a bench come from one address.
    WAKES_PER_CLIENT: '0',
    WAKES_PER_INSTANCE: '0',
    WAKE_TIMEOUT: '30m',
    ...over,
  }
  const host = environment.HOST
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const command = imageEntrypoint(process.execPath, await bundled(kit))
  const program = await kit.program('env', [...assignments, ...command, 'wake'], port, host)
  const ask = (at: number, path: string): Promise<Response> =>
    fetch(`http://${host}:${at}${path}`, { signal: kit.signal })
  while ((await ask(control, '/health/readiness')).status >= 300) await sleep(10)
  return {
    port,
    controlPort: control,
    process: program,
    readyAfterMs: performance.now() - from,
    async metric(name) {
      const lines = (await (await ask(metrics, '/metrics')).text()).split('\n')
      return Number(
        lines
          .find((line) => line.startsWith(name))
          ?.split(' ')
          .at(-1) ?? 0,
      )
    },
    async sees(name, state) {
      for (;;) {
        const answer = await ask(control, `/instances/${name}`)
        if (answer.ok && ((await answer.json()) as { state: string }).state === state) return
        await sleep(10)
      }
    },
  }
}

/** Its folder; made once for all replicas of a bench. */
async function bundled({ dir }: Kit): Promise<string> {
  const folder = join(dir, 'app')
  if (!existsSync(folder)) await bundleFunctions(folder)
  return folder
}
