// Which program stands for which image. Nothing is pulled: an image without a program is one that cannot be pulled.
import { join } from 'node:path'

import type { Container } from 'kubernetes-types/core/v1.js'

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
  container: Pick<Container, 'image' | 'command' | 'args'>,
  place: ContainerPlace,
) => Program | undefined

export interface LocalImages {
  /** Folder of this repository. */
  readonly repository: string
  /** The Node that runs functions and stand-in; this one unless told. */
  readonly node?: string
  /** For every Node process: where compiled code is kept, so that a start does not strip types again. */
  readonly compileCache?: string
  /** A real Odoo instead of the stand-in, with arguments of the user's own. */
  readonly odoo?: { readonly bin: string; readonly args: readonly string[] } | undefined
  /** `STANDIN_START_SECONDS` and the like. */
  readonly standInEnv?: Values
  /** For every function, for example `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly functionEnv?: Values
}

export function localImages(options: LocalImages): Images {
  const { repository, node = process.execPath, compileCache, odoo, standInEnv = {}, functionEnv = {} } = options
  const cache: Values = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }
  return ({ image = '', args = [] }, place) => {
    const name = nameOf(image)
    if (name === 'platxa-functions') {
      const [functionName = '', ...rest] = args
      const main = join(repository, 'functions', functionName, 'main.ts')
      return { file: node, args: [main, ...rest], env: { ...cache, ...functionEnv } }
    }
    if (!/^odoo(-|$)/.test(name)) return undefined
    if (odoo !== undefined) return realOdoo(odoo, args, place)
    return { file: node, args: [join(repository, 'local/odoo/main.ts')], env: { ...cache, ...standInEnv } }
  }
}

/**
 * The image would find everything at the paths of odoo.conf; here these lie below the container's root, so the command
 * line, which Odoo puts above the file, says where. An addons folder without a module is skipped by Odoo with a warning.
 * Odoo 19 reads PG* itself. The user's own arguments come last and win.
 */
function realOdoo(
  odoo: { readonly bin: string; readonly args: readonly string[] },
  args: readonly string[],
  { root, podIP }: ContainerPlace,
): Program {
  const places = [
    ['--config', '/etc/odoo/odoo.conf'],
    ['--data-dir', '/var/lib/odoo'],
    ['--addons-path', '/mnt/extra-addons'],
  ].map(([option, path]) => `${option}=${root}${path}`)
  return { file: odoo.bin, args: [...places, `--http-interface=${podIP}`, ...args, ...odoo.args] }
}

/** `registry.example:5000/team/odoo:19.0@sha256:…` → `odoo`. */
export function nameOf(image: string): string {
  const last = image.split('/').at(-1) ?? ''
  return last.split(/[:@]/, 1)[0] ?? ''
}
