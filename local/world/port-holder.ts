// Whose port is it? For the one message that helps when it is taken.
import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface Holder {
  readonly pid: number
  /** Its command line. */
  readonly command: string
}

/** Undefined when it cannot be found out: another user's process, or no tool for it. */
export async function portHolder(port: number): Promise<Holder | undefined> {
  return process.platform === 'linux' ? fromProc(port) : fromLsof(port)
}

async function fromProc(port: number): Promise<Holder | undefined> {
  const sockets = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const inode of listeners(await readFile(table, 'utf8').catch(() => ''), port)) sockets.add(`socket:[${inode}]`)
  }
  if (sockets.size === 0) return undefined
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    if (await holdsOne(entry, sockets)) return { pid: Number(entry), command: await commandOf(entry) }
  }
  return undefined
}

/** Inodes of the sockets that listen on a port, from the text of /proc/net/tcp: state 0A, port in hexadecimal. */
export function listeners(table: string, port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === '0A')
    .flatMap((fields) => fields[9] ?? [])
}

async function holdsOne(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  const files = await readdir(folder).catch(() => [])
  for (const file of files) {
    const link = await readlink(`${folder}/${file}`).catch(() => '')
    if (sockets.has(link)) return true
  }
  return false
}

async function commandOf(pid: string): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return text.replaceAll('\0', ' ').trim()
}

async function fromLsof(port: number): Promise<Holder | undefined> {
  const run = promisify(execFile)
  const found = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']).catch(() => undefined)
  const pid = found?.stdout.match(/^p(\d+)$/m)?.[1]
  if (pid === undefined) return undefined
  return { pid: Number(pid), command: found?.stdout.match(/^c(.*)$/m)?.[1] ?? '' }
}
