// A tar archive whose bytes depend on its content alone: no times, no owners, entries in the order given.
import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK = 512

export type Entry = { readonly path: string; readonly mode?: number } & (
  | { readonly folder: true }
  | { readonly link: string }
  | { readonly text: string | Buffer }
  | { readonly file: string }
)

/** The archive, piece by piece. Paths are relative and use slashes. */
export async function* tar(entries: readonly Entry[]): AsyncGenerator<Buffer> {
  for (const entry of entries) yield* one(entry)
  yield Buffer.alloc(BLOCK * 2)
}

async function* one(entry: Entry): AsyncGenerator<Buffer> {
  const { path, mode } = entry
  if ('folder' in entry) {
    yield header({ path: `${path}/`, mode: mode ?? 0o755, size: 0, type: '5' })
  } else if ('link' in entry) {
    yield header({ path, mode: 0o777, size: 0, type: '2', link: entry.link })
  } else if ('text' in entry) {
    const bytes = Buffer.from(entry.text)
    yield header({ path, mode: mode ?? 0o644, size: bytes.length, type: '0' })
    yield bytes
    yield padding(bytes.length)
  } else {
    const { size, mode: own } = await lstat(entry.file)
    yield header({ path, mode: mode ?? (own & 0o111 ? 0o755 : 0o644), size, type: '0' })
    for await (const chunk of createReadStream(entry.file)) yield chunk as Buffer
    yield padding(size)
  }
}

/** Everything in a folder, at another place of the archive, in the order of the names. */
export async function folderEntries(source: string, target: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [{ path: target, folder: true }]
  const names = await readdir(source)
  for (const name of names.toSorted()) {
    const [from, to] = [join(source, name), `${target}/${name}`]
    const stat = await lstat(from)
    if (stat.isDirectory()) entries.push(...(await folderEntries(from, to)))
    else if (stat.isSymbolicLink()) entries.push({ path: to, link: await readlink(from) })
    else entries.push({ path: to, file: from })
  }
  return entries
}

interface Head {
  readonly path: string
  readonly mode: number
  readonly size: number
  readonly type: '0' | '2' | '5'
  readonly link?: string
}

function header({ path, mode, size, type, link = '' }: Head): Buffer {
  const [prefix, name] = split(path)
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
  block.write(name, 0)
  octal(mode, 100, 8)
  octal(0, 108, 8) // owner
  octal(0, 116, 8) // group
  octal(size, 124, 12)
  octal(0, 136, 12) // time
  block.write('        ', 148) // the checksum is made as if it were blank
  block.write(type, 156)
  if (Buffer.byteLength(link) > 100) throw new Error(`the target of the link ${path} is too long for an archive`)
  block.write(link, 157)
  block.write('ustar\x0000', 257)
  block.write(prefix, 345)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** 100 bytes of name, and 155 more before a slash. */
function split(path: string): readonly [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path]
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155 && name !== '') return [prefix, name]
  }
  throw new Error(`the path ${path} is too long for an archive`)
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}
