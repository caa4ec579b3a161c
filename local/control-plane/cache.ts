// Where obtained programs are kept between runs: per user, because several checkouts share them.
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { commandOf } from './processes.ts'

const LOCK_POLL_MS = 500

export function cacheFolder(
  hash: string,
  environment: Readonly<Record<string, string | undefined>>,
  kind: 'control-plane' | 'odoo' | 'odoo-template' | 'tools' | 'cluster' = 'control-plane',
): string {
  const root = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(root, 'platxa-functions', kind, hash)
}

/**
 * Fills `folder` by `fill`, which gets an empty folder beside it: either all of it appears or nothing. Whoever comes
 * second waits for the first and then finds it filled.
 */
export async function fillOnce(
  folder: string,
  isFilled: () => Promise<boolean>,
  fill: (temporary: string) => Promise<void>,
  tell: (detail: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const unlock = await lock(`${folder}.lock`, tell, signal)
  try {
    if (await isFilled()) return
    await removeUnfinished(folder)
    const temporary = await mkdtemp(`${folder}.new-`)
    try {
      await fill(temporary)
      await rm(folder, { recursive: true, force: true })
      await rename(temporary, folder)
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  } finally {
    await unlock()
  }
}

/** What killed runs left: half a download, half a build. */
async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(dirname(folder))
  const unfinished = names.filter((name) => name.startsWith(`${basename(folder)}.new-`))
  for (const name of unfinished) await rm(join(dirname(folder), name), { recursive: true, force: true })
}

/**
 * A file that says who works here. The one of a dead process is removed; should two remove it at the same moment, both
 * fill, and the later rename wins: wasteful, but never half a program.
 */
async function lock(file: string, tell: (detail: string) => void, signal: AbortSignal): Promise<() => Promise<void>> {
  for (;;) {
    signal.throwIfAborted()
    try {
      const handle = await open(file, 'wx')
      await handle.writeFile(JSON.stringify({ pid: process.pid, command: commandOf(process.pid) }))
      await handle.close()
      return () => rm(file, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const holder = await readHolder(file)
    if (holder === 'gone') await rm(file, { force: true })
    else {
      tell(`waiting for process ${holder}, which obtains the same`)
      await sleep(LOCK_POLL_MS, undefined, { signal })
    }
  }
}

async function readHolder(file: string): Promise<number | 'gone' | 'unknown'> {
  const text = await readFile(file, 'utf8').catch(() => '')
  if (text === '') return 'unknown' // made this very moment
  const { pid, command } = JSON.parse(text) as { pid: number; command: string }
  return commandOf(pid) === command ? pid : 'gone'
}
