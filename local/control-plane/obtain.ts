// The four programs of a control plane: found, kept from an earlier run, downloaded or built, in this order.
import { buildAll } from './build.ts'
import { cacheFolder, fillOnce } from './cache.ts'
import { downloadAll, OFFICIAL, type Origins } from './download.ts'
import { findIn, foldersOf } from './found.ts'
import { OLDEST_GO, OLDEST_KUBERNETES, type Pinned, readPinned } from './pinned.ts'
import type { Binaries } from './start.ts'

export interface ObtainOptions {
  /** Told what is being done, many times; the caller adds the time and decides what to show. */
  readonly progress: (detail: string) => void
  readonly signal: AbortSignal
  /** Instead of the process's own: KUBEBUILDER_ASSETS, PATH, XDG_CACHE_HOME, proxies. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly origins?: Origins
  readonly go?: string
}

/** None of the sources had them; the message says what each lacked and what to install. */
export class NoControlPlane extends Error {
  override readonly name = 'NoControlPlane'

  constructor(faults: readonly string[]) {
    super(
      [
        'There is no Kubernetes control plane on this machine and none could be obtained:',
        ...faults.map((fault) => `  - ${fault}`),
        'Any one of these helps:',
        `  - install Go ${OLDEST_GO} or newer (https://go.dev/dl): the programs are then built once, in some minutes`,
        '  - let this machine download from https://dl.k8s.io and https://github.com (HTTPS_PROXY is honoured)',
        '  - set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler,',
        `    Kubernetes ${OLDEST_KUBERNETES} or newer`,
      ].join('\n'),
    )
  }
}

export async function obtainControlPlane(options: ObtainOptions): Promise<Binaries> {
  const { progress, signal, environment = process.env } = options
  const faults: string[] = []
  const assets = environment['KUBEBUILDER_ASSETS']
  const places = [
    ...(assets ? [{ name: `KUBEBUILDER_ASSETS (${assets})`, folders: [assets] }] : []),
    { name: 'PATH', folders: foldersOf(environment['PATH']) },
  ]
  for (const { name, folders } of places) {
    const found = await findIn(folders, signal)
    if ('binaries' in found) return found.binaries
    faults.push(`${name}: ${found.missing}`)
  }

  const pinned = await readPinned()
  const folder = cacheFolder(pinned.hash, environment)
  const kept = async () => 'binaries' in (await findIn([folder], signal))
  if (!(await kept())) {
    await fillOnce(folder, kept, (temporary) => fill(temporary, pinned, options, faults), progress, signal)
  }
  const found = await findIn([folder], signal)
  if ('missing' in found) throw new Error(`${folder}: ${found.missing}`)
  return found.binaries
}

async function fill(
  folder: string,
  pinned: Pinned,
  { progress, signal, environment = process.env, origins = OFFICIAL, go = 'go' }: ObtainOptions,
  faults: string[],
): Promise<void> {
  const { platform, arch } = process
  const sources = [
    {
      name: 'download',
      get: () => downloadAll(pinned, { origins, platform, arch, folder, tell: progress, signal }),
    },
    { name: 'build', get: () => buildAll(pinned, { folder, go, environment, tell: progress, signal }) },
  ]
  for (const { name, get } of sources) {
    try {
      await get()
      const found = await findIn([folder], signal)
      if ('binaries' in found) return
      faults.push(`${name}: ${found.missing}`)
    } catch (error) {
      signal.throwIfAborted()
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new NoControlPlane(faults)
}
