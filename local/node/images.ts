// Which program stands for which image. Nothing is pulled: an image without a program is one that cannot be pulled.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { Container } from 'kubernetes-types/core/v1.js'

import { odooProgram, poolerProgram } from '#local/real-odoo/program.ts'
import type { RealOdoo } from '#local/real-odoo/obtain.ts'
import type { Values } from './environment.ts'

export interface Program {
  readonly file: string
  readonly args: readonly string[]
  /** Beside what the pod says; the pod's own values win. */
  readonly env?: Values
  /** The image's STOPSIGNAL. */
  readonly stopSignal?: NodeJS.Signals
}

export interface ContainerPlace {
  /** Folder that stands for `/` of the container: its volumes are mounted below. */
  readonly root: string
  readonly podIP: string
}

/** `command` and `args` of the container are expanded already. Undefined: there is no such image. */
export type Images = (
  container: Pick<Container, 'image' | 'command' | 'args' | 'env' | 'volumeMounts'>,
  place: ContainerPlace,
) => Program | undefined

export interface LocalImages {
  /** Folder of this repository. */
  readonly repository: string
  /** The Node that runs functions and stand-in; this one unless told. */
  readonly node?: string
  /** For every Node process: where compiled code is kept, so that a start does not strip types again. */
  readonly compileCache?: string
  /** A real Odoo instead of the stand-in. */
  readonly odoo?: RealOdoo | undefined
  /** `STANDIN_START_SECONDS` and the like. */
  readonly standInEnv?: Values
  /** For every function, for example `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly functionEnv?: Values
}

export function localImages(options: LocalImages): Images {
  const { repository, node = process.execPath, compileCache, odoo, standInEnv = {}, functionEnv = {} } = options
  const cache: Values = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }
  return (container, place) => {
    const { image = '', args = [] } = container
    const name = nameOf(image)
    if (name === 'platxa-functions') {
      const [functionName = '', ...rest] = args
      const main = mainOf(repository, functionName)
      return { file: node, args: [main, ...rest], env: { ...cache, ...functionEnv } }
    }
    if (name === 'platxa-pgbouncer') return odoo && poolerProgram(odoo, container, place)
    if (!/^odoo(-|$)/.test(name)) return undefined
    if (odoo !== undefined) return odooProgram(odoo, container, place)
    return { file: node, args: [join(repository, 'local/odoo/main.ts')], env: { ...cache, ...standInEnv } }
  }
}

/** What waits for events is in functions/, what runs once in jobs/. */
function mainOf(repository: string, name: string): string {
  const job = join(repository, 'jobs', name, 'main.ts')
  return existsSync(job) ? job : join(repository, 'functions', name, 'main.ts')
}

/** `registry.example:5000/team/odoo:19.0@sha256:…` → `odoo`. */
export function nameOf(image: string): string {
  const last = image.split('/').at(-1) ?? ''
  return last.split(/[:@]/, 1)[0] ?? ''
}
