import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Of PATH, and where root's programs are: root's own PATH may lack them. */
export function programFolders(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return [...(environment['PATH'] ?? '').split(delimiter).filter(Boolean), '/usr/sbin', '/sbin']
}

/** The first file of one of these names that we may run, folder by folder. */
export async function findProgram(
  folders: readonly string[],
  ...names: readonly string[]
): Promise<string | undefined> {
  for (const path of folders.flatMap((folder) => names.map((name) => join(folder, name)))) {
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return path
  }
  return undefined
}
