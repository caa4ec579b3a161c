// Building the four programs from the modules that go.mod pins. Minutes, once.
import { execFile, spawn } from 'node:child_process'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

import { COMPONENTS } from './components.ts'
import { buildFlags, compareVersions, GO_MODULE_FOLDER, OLDEST_GO, type Pinned } from './pinned.ts'

const ASK_LIMIT_MS = 15_000
const LOOK_MS = 1_000
const LAST_LINES = 8
/** `go` names a program after the last part of its module's path. */
const BUILT_AS = { etcd: 'server' } as const

export interface BuildOptions {
  readonly folder: string
  /** Name or path of the Go command. */
  readonly go: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly tell: (detail: string) => void
  readonly signal: AbortSignal
}

export async function buildAll(pinned: Pinned, options: BuildOptions): Promise<void> {
  const { folder, tell, signal } = options
  await checkGo(options)
  tell('fetching the Go modules')
  const packages = await countPackages(options)
  let compiled = 0
  const ready: string[] = []
  const report = () => {
    const done = ready.length === 0 ? '' : `, ready: ${ready.join(', ')}`
    // what an earlier build left in Go's cache is not counted again, so this may end before the last number
    const left = COMPONENTS.filter((name) => !ready.includes(name))
    const what = left.length === 0 ? 'finishing' : `building ${left.join(', ')}`
    tell(`${what}: ${compiled} of ${packages} packages compiled${done}`)
  }
  const look = async () => {
    const files: readonly string[] = await readdir(folder)
    ready.splice(0, ready.length, ...COMPONENTS.filter((name) => files.includes(builtAs(name))))
    report()
  }
  const looking = setInterval(() => void look().catch(() => undefined), LOOK_MS)
  try {
    const args = ['install', '-v', ...buildFlags(pinned.kubernetes), 'tool']
    await runGo(args, options, () => {
      compiled++
      report()
    })
  } finally {
    clearInterval(looking)
  }
  signal.throwIfAborted()
  for (const name of COMPONENTS) await rename(join(folder, builtAs(name)), join(folder, name))
}

function builtAs(name: string): string {
  return name === 'etcd' ? BUILT_AS.etcd : name
}

async function checkGo({ go, environment, signal }: BuildOptions): Promise<void> {
  const asked = promisify(execFile)(go, ['env', 'GOVERSION'], {
    signal,
    timeout: ASK_LIMIT_MS,
    env: { ...environment },
    cwd: GO_MODULE_FOLDER,
  })
  const { stdout } = await asked.catch((error: unknown) => {
    signal.throwIfAborted()
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw absent ? new Error('Go is not installed') : error
  })
  const version = /go(\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1] ?? '0'
  if (compareVersions(version, OLDEST_GO) < 0) throw new Error(`Go ${version} is older than ${OLDEST_GO}`)
}

/** For the progress: how many packages the four programs are made of. Fetches the modules on its way. */
async function countPackages(options: BuildOptions): Promise<number> {
  let packages = 0
  await runGo(['list', '-deps', 'tool'], options, undefined, () => packages++)
  return packages
}

async function runGo(
  args: readonly string[],
  { go, folder, environment, signal }: BuildOptions,
  onPackage?: () => void,
  onLine?: () => void,
): Promise<void> {
  const child = spawn(go, args, {
    cwd: GO_MODULE_FOLDER,
    env: { ...environment, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const last: string[] = []
  createInterface({ input: child.stdout }).on('line', () => onLine?.())
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (isPackage(line)) onPackage?.()
    else last.splice(0, Math.max(0, last.push(line) - LAST_LINES))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, by) => {
      if (code === 0) resolve()
      else reject(new Error(`go ${args[0]} failed (${code ?? by}): ${last.join('; ') || 'it does not say why'}`))
    })
  })
}

/** With `-v`, Go names each package that it compiles, one a line; everything else has spaces in it. */
function isPackage(line: string): boolean {
  return line !== '' && !/[\s:]/.test(line)
}
