// What containers said: files of the kubelet, of pods that are there and of some that were.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The run's own (local/cluster/namespaces.ts). */
const PODS = '/var/log/pods'

/** File → its lines; files are named `{namespace}_{pod}_{uid}/{container}/{restart}.log`. */
export async function logs(which: RegExp): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = (await readdir(PODS, { recursive: true })).filter((file) => which.test(file) && file.endsWith('.log'))
  const read = async (file: string) => [file, (await readFile(join(PODS, file), 'utf8')).trimEnd().split('\n')] as const
  return new Map(await Promise.all(files.toSorted().map(read)))
}

/** For a test that waits in vain. */
export async function lastWords(which: RegExp, lines = 15): Promise<string> {
  const said = await logs(which)
  return [...said].map(([file, all]) => [file, ...all.slice(-lines)].join('\n')).join('\n')
}
