// Files of others that tests hold ours against: CRDs and schemas, read from released Go modules in Go's own module cache.
// Nothing of them is ever copied into this repository.
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

interface PinnedModule {
  readonly path: string
  readonly version: string
  /** As Go writes it into a go.sum: the content of the module, not its address. */
  readonly sum: string
}

export const pinnedModules = {
  eventing: {
    path: 'knative.dev/eventing',
    version: 'v0.50.0',
    sum: 'h1:4GSn7yyMLgpGUqU0vZjcyFKK0vSi3TtZXPVzb7HW7Ds=',
  },
  serving: {
    path: 'knative.dev/serving',
    version: 'v0.50.0',
    sum: 'h1:9XUQq2yqUPN1YZUuGH6nF8IMvuumNvGXzCrSTYu44bA=',
  },
  // This and the next in the versions that Serving v0.50.0 names in its go.mod.
  networking: {
    path: 'knative.dev/networking',
    version: 'v0.0.0-20260727162500-c7a7b772cac9',
    sum: 'h1:DX4tHb6E2L6sqJbbbSoK7ury7jobfC95Tx3To+tQQF0=',
  },
  caching: {
    path: 'knative.dev/caching',
    version: 'v0.0.0-20260727161800-0edbf88bc267',
    sum: 'h1:kuc7HoQMvX4U2XVDqTtOSA/qfArcMtrkUsgLpnELFeU=',
  },
  traefik: {
    path: 'github.com/traefik/traefik/v3',
    version: 'v3.7.13',
    sum: 'h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw=',
  },
  'cert-manager': {
    path: 'github.com/cert-manager/cert-manager',
    version: 'v1.21.2',
    sum: 'h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=',
  },
  'prometheus-operator': {
    path: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.85.0',
    sum: 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=',
  },
  skaffold: {
    path: 'github.com/GoogleContainerTools/skaffold/v2',
    version: 'v2.24.0',
    sum: 'h1:uiikCgWnOT2lcB8ZWWtIZBXfySnpKKzGwBiZyNs0aWE=',
  },
} as const satisfies Record<string, PinnedModule>
export type ModuleName = keyof typeof pinnedModules

const LIMIT_MS = 300_000

/** The folder in Go's module cache. Throws when its content is not the one that is pinned. */
export async function moduleFolder(name: ModuleName, signal = AbortSignal.timeout(LIMIT_MS)): Promise<string> {
  const { path, version, sum } = pinnedModules[name]
  const env = { ...process.env, GOWORK: 'off', GOFLAGS: '-mod=mod' }
  const args = ['mod', 'download', '-json', `${path}@${version}`]
  // Not in this repository: in a module's folder Go would want its go.sum to know the module.
  const { stdout } = await promisify(execFile)('go', args, { cwd: tmpdir(), env, signal })
  const { Dir, Sum } = JSON.parse(stdout) as { readonly Dir: string; readonly Sum: string }
  if (Sum !== sum) throw new Error(`${path} ${version} has the content ${Sum}, not ${sum}`)
  return Dir
}

/** The YAML files of one folder of a module. */
export async function moduleFiles(name: ModuleName, folder: string, pattern: RegExp): Promise<readonly string[]> {
  const place = join(await moduleFolder(name), folder)
  const names = (await readdir(place)).filter((file) => pattern.test(file)).toSorted()
  return Promise.all(names.map((file) => readFile(join(place, file), 'utf8')))
}
