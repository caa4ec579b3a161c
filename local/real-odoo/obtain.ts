// A real Odoo: the one that ODOO_BIN names, else the machine's own, else Debian's packages in a root file system that is
// made once and kept in the cache, in this order.
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, fillOnce } from '#local/control-plane/cache.ts'
import { fillRoot, recipeHash, whyNoRoot } from './debian.ts'

const ASK_LIMIT_MS = 60_000
/** Whoever is there, this much must be: the stories and the template know no other series. */
export const ODOO_SERIES = '19' as const

export type RealOdoo =
  /** A program of this machine, with the user's own arguments, for example `--addons-path=…`. */
  | { readonly from: 'program'; readonly bin: string; readonly args: readonly string[] }
  /** A folder that is `/` for Odoo. */
  | { readonly from: 'root'; readonly root: string; readonly args: readonly string[] }

export interface ObtainOptions {
  readonly progress: (detail: string) => void
  readonly signal: AbortSignal
  /** Instead of the process's own: ODOO_BIN, ODOO_ARGS, PATH, XDG_CACHE_HOME. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** None of the sources had it; the message says what each lacked and what to do. */
export class NoOdoo extends Error {
  override readonly name = 'NoOdoo'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(
      [
        `There is no Odoo ${ODOO_SERIES} on this machine and none could be obtained:`,
        ...faults.map((fault) => `  - ${fault}`),
        'Any one of these helps:',
        `  - set ODOO_BIN to the program of an Odoo ${ODOO_SERIES}`,
        '  - on Linux, be root, so that Debian packages can be unpacked into a folder of their own (2 GB, a few minutes, once)',
        'Without `--odoo real` the instances are a stand-in, which needs nothing.',
      ].join('\n'),
    )
    this.faults = faults
  }
}

export async function obtainOdoo(options: ObtainOptions): Promise<RealOdoo> {
  const { progress, signal, environment = process.env } = options
  const args = environment['ODOO_ARGS']?.split(/\s+/).filter(Boolean) ?? []
  const faults: string[] = []
  const named = environment['ODOO_BIN']
  const places = [
    ...(named ? [{ name: `ODOO_BIN (${named})`, bin: named }] : []),
    ...(await onPath(environment)).map((bin) => ({ name: bin, bin })),
  ]
  for (const { name, bin } of places) {
    const fault = await whyNot(bin, signal)
    if (fault === undefined) return { from: 'program', bin, args }
    faults.push(`${name}: ${fault}`)
    // Somebody asked for this one: another would be a surprise.
    if (bin === named) throw new NoOdoo(faults)
  }
  if (places.length === 0) faults.push('ODOO_BIN is not set, and PATH has no `odoo`')

  const impossible = await whyNoRoot(signal)
  if (impossible !== undefined) throw new NoOdoo([...faults, `Debian's packages: ${impossible}`])
  const root = cacheFolder(recipeHash, environment, 'odoo')
  const kept = (): Promise<boolean> => exists(join(root, 'usr/bin/odoo'))
  try {
    if (!(await kept()))
      await fillOnce(root, kept, (folder) => fillRoot(folder, { tell: progress, signal }), progress, signal)
  } catch (error) {
    signal.throwIfAborted()
    throw new NoOdoo([...faults, `Debian's packages: ${error instanceof Error ? error.message : String(error)}`])
  }
  return { from: 'root', root, args }
}

async function onPath(environment: Readonly<Record<string, string | undefined>>): Promise<readonly string[]> {
  for (const folder of (environment['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const bin = join(folder, 'odoo')
    if (await exists(bin)) return [bin]
  }
  return []
}

async function whyNot(bin: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(bin, ['--version'], { timeout: ASK_LIMIT_MS, signal })
    const version = /\b(\d+)\.\d/.exec(stdout)?.[1]
    if (version === undefined) return `does not say its version: ${stdout.trim()}`
    return version === ODOO_SERIES ? undefined : `is Odoo ${version}, not ${ODOO_SERIES}`
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
}

function exists(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
