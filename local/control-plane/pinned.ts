// Which versions belong together: those of go.mod, whether they are downloaded or built.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const GO_MODULE_FOLDER = import.meta.dirname
/** Below this, `go` cannot even read the module; from here on it fetches a newer toolchain by itself where it must. */
export const OLDEST_GO = '1.25'
/** Of a control plane that the machine brings. The functions use nothing newer. */
export const OLDEST_KUBERNETES = '1.33'

export interface Pinned {
  /** Without `v`. */
  readonly kubernetes: string
  readonly etcd: string
  /** Of everything that makes the programs what they are, this machine included. */
  readonly hash: string
}

export async function readPinned(platform = process.platform, arch: string = process.arch): Promise<Pinned> {
  const module = await readFile(join(GO_MODULE_FOLDER, 'go.mod'), 'utf8')
  const pinned = {
    kubernetes: versionIn(module, 'k8s.io/kubernetes'),
    etcd: versionIn(module, 'go.etcd.io/etcd/server/v3'),
  }
  const hash = createHash('sha256').update(`${platform} ${arch} ${buildFlags(pinned.kubernetes).join(' ')}\n${module}`)
  return { ...pinned, hash: hash.digest('hex').slice(0, 12) }
}

function versionIn(module: string, path: string): string {
  const found = new RegExp(`^\\s*${path.replaceAll('.', '\\.')} v(\\S+)`, 'm').exec(module)?.[1]
  if (found === undefined) throw new Error(`local/control-plane/go.mod does not require ${path}`)
  return found
}

/** A plain build calls itself v0.0.0-master, which Knative and others refuse as too old. */
export function buildFlags(kubernetes: string): readonly string[] {
  const [major = '', minor = ''] = kubernetes.split('.')
  const said = { gitVersion: `v${kubernetes}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  const links = Object.entries(said).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  return ['-trimpath', `-ldflags=-s -w ${links.join(' ')}`]
}

/** Compares `1.33` with `1.35.4`: negative when `a` is older. Missing parts count as 0. */
export function compareVersions(a: string, b: string): number {
  const [as, bs] = [a, b].map((version) => version.split('.').map((part) => Number.parseInt(part, 10)))
  for (let i = 0; i < Math.max(as?.length ?? 0, bs?.length ?? 0); i++) {
    const difference = (as?.[i] ?? 0) - (bs?.[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
