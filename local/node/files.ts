import { randomBytes } from 'node:crypto'
import { chown, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Whoever reads it sees the old content or the new one, never a part. */
export async function replaceFile(file: string, content: string | Buffer, mode: number, group?: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const fresh = `${file}.${randomBytes(4).toString('hex')}`
  await writeFile(fresh, content, { mode })
  if (group !== undefined) await chown(fresh, 0, group)
  await rename(fresh, file)
}
