// Where the local world keeps its things.
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export interface Layout {
  readonly state: string
  readonly controlPlane: string
  readonly postgres: string
  readonly node: string
  /** What a script reads: who runs where. There only while the world runs. */
  readonly worldFile: string
  readonly lockFile: string
  /** By which `npm stop` finds what a killed world left behind. */
  readonly processFile: string
  /** JSON lines of the world's own process. */
  readonly log: string
  /** What a detached world would have printed. */
  readonly output: string
}

/** `.local` beside package.json, or PLATXA_STATE_DIR: several worlds can live on one machine. */
export function layoutOf(env: Readonly<Record<string, string | undefined>>): Layout {
  const state = resolve(env['PLATXA_STATE_DIR'] || join(repository, '.local'))
  return {
    state,
    controlPlane: join(state, 'control-plane'),
    postgres: join(state, 'postgres'),
    node: join(state, 'node'),
    worldFile: join(state, 'world.json'),
    lockFile: join(state, 'world.pid'),
    processFile: join(state, 'processes.json'),
    log: join(state, 'world.log'),
    output: join(state, 'output.log'),
  }
}
