// Programs written in Go that tests and checks need beside the control plane: found on the PATH, kept from an earlier run
// or built once from the module that pins them, `local/tools/{name}/go.mod`.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, constants, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, fillOnce } from '#local/control-plane/cache.ts'
import { foldersOf } from '#local/control-plane/found.ts'

interface Tool {
  /** What Go calls the program: the last part of its package's path. */
  readonly program: string
  /** Whether the one on the PATH will do; without it the PATH is not looked at. */
  readonly accepts?: { readonly args: readonly string[]; readonly version: RegExp }
}

const tools = {
  // 5.0 is the first that refuses unknown fields by itself.
  kustomize: { program: 'kustomize', accepts: { args: ['version'], version: /^v?5\./m } },
  'queue-proxy': { program: 'queue' },
} as const satisfies Record<string, Tool>
export type ToolName = keyof typeof tools

export interface ToolOptions {
  readonly tell: (detail: string) => void
  readonly signal: AbortSignal
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export class NoTool extends Error {
  override readonly name = 'NoTool'
}

const ASK_LIMIT_MS = 10_000
const LAST_LINES = 8
const FLAGS = ['-trimpath', '-ldflags=-s -w']

/** The path of the program. Building it takes a minute or two, once per machine. */
export async function obtainTool(name: ToolName, options: ToolOptions): Promise<string> {
  const { tell, signal, environment = process.env } = options
  const tool: Tool = tools[name]
  const found = await onPath(tool, environment, signal)
  if (found !== undefined) return found
  const source = join(import.meta.dirname, name)
  const folder = cacheFolder(`${name}-${await hashOf(source)}`, environment, 'tools')
  const path = join(folder, tool.program)
  const kept = (): Promise<boolean> => runs(path)
  if (await kept()) return path
  const build = (temporary: string): Promise<void> => {
    tell(`building ${name} from its Go modules`)
    return install(name, source, temporary, options)
  }
  await fillOnce(folder, kept, build, tell, signal)
  return path
}

async function onPath(
  { program, accepts }: Tool,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (accepts === undefined) return undefined
  for (const folder of foldersOf(environment['PATH'])) {
    const path = join(folder, program)
    if (!(await runs(path))) continue
    const asked = promisify(execFile)(path, accepts.args, { signal, timeout: ASK_LIMIT_MS })
    const said = await asked.then(
      ({ stdout }) => stdout,
      () => '',
    )
    if (accepts.version.test(said)) return path
  }
  return undefined
}

function runs(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function hashOf(folder: string): Promise<string> {
  const module = await readFile(join(folder, 'go.mod'), 'utf8')
  const about = `${process.platform} ${process.arch} ${FLAGS.join(' ')}\n${module}`
  return createHash('sha256').update(about).digest('hex').slice(0, 12)
}

async function install(name: string, source: string, folder: string, options: ToolOptions): Promise<void> {
  const { signal, environment = process.env } = options
  const env = {
    ...environment,
    GOBIN: folder,
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=readonly -buildvcs=false',
    GOWORK: 'off',
  }
  try {
    await promisify(execFile)('go', ['install', ...FLAGS, 'tool'], { cwd: source, env, signal })
  } catch (error) {
    signal.throwIfAborted()
    throw new NoTool(`${name} is not on this machine and could not be built: ${reasonOf(error)}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT') return 'Go is not installed (https://go.dev/dl)'
  const said = 'stderr' in error ? String(error.stderr).trimEnd() : ''
  return said === '' ? error.message : said.split('\n').slice(-LAST_LINES).join('; ')
}
