// The one node of the local cluster, and which program stands for which image on it.
import { localImages } from '#local/node/images.ts'
import { startNode } from '#local/node/start.ts'
import type { RealOdoo } from '#local/real-odoo/obtain.ts'
import type { Log } from '#shared/server/log.ts'
import { type Layout, repository } from './layout.ts'

export interface NodeOptions {
  readonly kubeconfig: string
  readonly layout: Layout
  readonly log: Log
  /** Instead of the stand-in. */
  readonly odoo: RealOdoo | undefined
  readonly signal: AbortSignal
}

export function runNode({ kubeconfig, layout, log, odoo, signal }: NodeOptions): Promise<{ stop(): Promise<void> }> {
  const { NODE_COMPILE_CACHE } = process.env
  const starting = Object.entries(process.env).filter(([name]) => name.startsWith('STANDIN_'))
  const telemetry = Object.entries(process.env).filter(([name]) => name.startsWith('OTEL_'))
  const images = localImages({
    repository,
    ...(NODE_COMPILE_CACHE && { compileCache: NODE_COMPILE_CACHE }),
    odoo,
    standInEnv: values(starting),
    functionEnv: values(telemetry),
  })
  return startNode({ kubeconfig, stateDir: layout.node, images, signal, log })
}

function values(entries: readonly (readonly [string, string | undefined])[]): Record<string, string> {
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}
