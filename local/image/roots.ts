// What images of ours stand on: an empty root with a user that is nobody, and, for Node, its binary and what that loads.
import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { type Entry } from './tar.ts'

export const NOBODY = '65532:65532'

/** Enough for a static program. */
export function emptyRoot(): readonly Entry[] {
  return [
    { path: 'tmp', folder: true, mode: 0o1777 },
    { path: 'etc', folder: true },
    { path: 'etc/passwd', text: 'nonroot:x:65532:65532::/:/none\n' },
    { path: 'etc/group', text: 'nonroot:x:65532:\n' },
    { path: 'etc/nsswitch.conf', text: 'hosts: files dns\n' },
  ]
}

/** The Node that npm brought for this machine, else the one that runs us. */
export async function nodeBinary(): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`
  try {
    const found = createRequire(import.meta.url).resolve(`${name}/package.json`)
    return await realpath(join(dirname(found), 'bin', 'node'))
  } catch {
    return process.execPath
  }
}

/** A dynamically linked program at `target`, and the libraries that it needs, at the paths where its loader looks. */
export async function withLibraries(programs: Readonly<Record<string, string>>): Promise<readonly Entry[]> {
  const files = new Map<string, string>()
  for (const [target, source] of Object.entries(programs)) {
    files.set(target, source)
    for (const library of await librariesOf(source)) files.set(library.slice(1), await realpath(library))
  }
  const folders = new Set<string>()
  for (const path of files.keys()) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder)
  }
  return [
    ...[...folders].toSorted().map((path) => ({ path, folder: true }) as const),
    ...[...files].map(([path, file]) => ({ path, file, mode: 0o755 }) as const),
  ]
}

/** As the loader of this machine finds them. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ldd', [program])
  const paths = stdout.split('\n').flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? [])
  return [...new Set(paths)]
}
