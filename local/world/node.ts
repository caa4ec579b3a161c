// The one node of the local cluster, and which program stands for which image on it.
import { localImages } from '#local/node/images.ts'
import { startNode } from '#local/node/start.ts'
import type { Log } from '#shared/server/log.ts'
import { type Layout, repository } from './layout.ts'
import type { RealOdoo } from './odoo-template.ts'

export interface NodeOptions {
  readonly kubeconfig: string
  readonly layout: Layout
  readonly log: Log
  readonly signal: AbortSignal
}

export function runNode({ kubeconfig, layout, log, signal }: NodeOptions): Promise<{ stop(): Promise<void> }> {
  const { NODE_COMPILE_CACHE } = process.env
  const starting = Object.entries(process.env).filter(([name]) => name.startsWith('STANDIN_'))
  const telemetry = Object.entries(process.env).filter(([name]) => name.startsWith('OTEL_'))
  const images = localImages({
    repository,
    ...(NODE_COMPILE_CACHE && { compileCache: NODE_COMPILE_CACHE }),
    odoo: realOdoo(),
    standInEnv: values(starting),
    functionEnv: values(telemetry),
  })
  return startNode({ kubeconfig, stateDir: layout.node, images, signal, log })
}

/** ODOO_BIN and ODOO_ARGS, when somebody wants the real one. */
export function realOdoo(): RealOdoo | undefined {
  const { ODOO_BIN, ODOO_ARGS } = process.env
  return ODOO_BIN ? { bin: ODOO_BIN, args: ODOO_ARGS?.split(/\s+/).filter(Boolean) ?? [] } : undefined
}

function values(entries: readonly (readonly [string, string | undefined])[]): Record<string, string> {
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}
