// What a machine must be and have for a real node: asked before anything is built, and said in one message.
import { dirname } from 'node:path'

import { findProgram, programFolders } from '#local/tools/programs.ts'

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
  const folders = programFolders(environment)
  const reasons = [
    ...(process.platform === 'linux' ? [] : [`a node runs on Linux, this is ${process.platform}`]),
    ...(process.getuid?.() === 0 ? [] : ['namespaces, mounts and packet filters need root']),
    ...((await findProgram(folders, 'go')) === undefined ? ['Go 1.26 or newer builds its programs'] : []),
  ]
  const packages = new Set<string>()
  for (const [program, name] of Object.entries(PROGRAMS)) {
    if ((await findProgram(folders, program)) === undefined) packages.add(name)
  }
  if ((await pluginFolder()) === undefined) packages.add('containernetworking-plugins')
  return { reasons, packages: [...packages].toSorted() }
}

export async function pluginFolder(): Promise<string | undefined> {
  const found = await findProgram(PLUGIN_FOLDERS, 'ptp')
  return found && dirname(found)
}
