// What a machine must be and have for a real node: asked before anything is built, and said in one message.
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Where Debian puts the plugins, and where the upstream packages do. */
const PLUGIN_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin']
/** Program → the Debian package that brings it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  nft: 'nftables',
  ip: 'iproute2',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
}

export interface Lacks {
  /** Cannot be helped by installing something. */
  readonly reasons: readonly string[]
  readonly packages: readonly string[]
}

export async function lacks(environment: Readonly<Record<string, string | undefined>>): Promise<Lacks> {
  const reasons = [
    ...(process.platform === 'linux' ? [] : [`a node runs on Linux, this is ${process.platform}`]),
    ...(process.getuid?.() === 0 ? [] : ['namespaces, mounts and packet filters need root']),
    ...((await findProgram('go', environment)) === undefined ? ['Go 1.26 or newer builds its programs'] : []),
  ]
  const packages = new Set<string>()
  for (const [program, name] of Object.entries(PROGRAMS)) {
    if ((await findProgram(program, environment)) === undefined) packages.add(name)
  }
  if ((await pluginFolder()) === undefined) packages.add('containernetworking-plugins')
  return { reasons, packages: [...packages].toSorted() }
}

export async function pluginFolder(): Promise<string | undefined> {
  return await first(PLUGIN_FOLDERS, 'ptp')
}

/** /usr/sbin too: root's own PATH may lack it. */
export async function findProgram(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const found = await first([...folders, '/usr/sbin', '/sbin'], name)
  return found === undefined ? undefined : join(found, name)
}

async function first(folders: readonly string[], file: string): Promise<string | undefined> {
  for (const folder of folders) {
    const runs = await access(join(folder, file), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return folder
  }
  return undefined
}
