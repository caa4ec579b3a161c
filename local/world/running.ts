// One world per state folder: who runs it, and what a script may know about it.
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { startOf } from '#local/postgres/process.ts'
import type { Layout } from './layout.ts'

const owner = z.object({ pid: z.int().positive(), since: z.string() })
/** A process and the moment it began: a number alone may belong to somebody else by now. */
export type Owner = z.output<typeof owner>

/** `.local/world.json`. Fields are added, never renamed or removed. */
export const worldFile = z.object({
  console: z.string(),
  /** The ingress address to publish to. */
  broker: z.string(),
  kubeconfig: z.string(),
  /** Superuser. */
  postgres: z.string(),
  /** `{name}` stands for the instance's name. */
  instanceUrl: z.string(),
  /** Prometheus text of every wake replica. */
  wakeMetrics: z.array(z.string()),
  pids: z.record(z.string(), z.int()),
})
export type WorldFile = z.output<typeof worldFile>

export class AlreadyRuns extends Error {
  override readonly name = 'AlreadyRuns'
  readonly pid: number

  constructor(pid: number) {
    super(`it already runs, as process ${pid}`)
    this.pid = pid
  }
}

/** Who runs the world of this folder now. */
export async function runner(layout: Layout): Promise<Owner | undefined> {
  const text = await readFile(layout.lockFile, 'utf8').catch(() => '')
  const found = owner.safeParse(parse(text)).data
  return found !== undefined && (await startOf(found.pid)) === found.since ? found : undefined
}

/** Takes the folder for this process; gives back what releases it. Throws AlreadyRuns. */
export async function claim(layout: Layout): Promise<() => Promise<void>> {
  await mkdir(layout.state, { recursive: true })
  const mine = JSON.stringify({ pid: process.pid, since: (await startOf(process.pid)) ?? '' })
  for (;;) {
    const handle = await open(layout.lockFile, 'wx', 0o644).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return undefined
      throw error
    })
    if (handle !== undefined) {
      await handle.writeFile(mine)
      await handle.close()
      await rm(layout.worldFile, { force: true })
      return () => release(layout)
    }
    const other = await runner(layout)
    if (other !== undefined) throw new AlreadyRuns(other.pid)
    await rm(layout.lockFile, { force: true })
  }
}

async function release(layout: Layout): Promise<void> {
  await rm(layout.worldFile, { force: true })
  await rm(layout.processFile, { force: true })
  await rm(layout.lockFile, { force: true })
}

export async function publishWorld(layout: Layout, world: WorldFile): Promise<void> {
  // The password of PostgreSQL's superuser is in it.
  await writeFile(`${layout.worldFile}.new`, `${JSON.stringify(world, undefined, 2)}\n`, { mode: 0o600 })
  await rename(`${layout.worldFile}.new`, layout.worldFile)
  const owners = Object.entries(world.pids).map(async ([name, pid]) => [
    name,
    { pid, since: (await startOf(pid)) ?? '' },
  ])
  await writeFile(layout.processFile, JSON.stringify(Object.fromEntries(await Promise.all(owners))))
}

/** What an earlier world started and could not end, because it was killed itself. */
export async function endLeftovers(layout: Layout): Promise<readonly string[]> {
  const noted = z.record(z.string(), owner).safeParse(parse(await readFile(layout.processFile, 'utf8').catch(() => '')))
  const ended: string[] = []
  // The last started first, as in an orderly end. SIGINT, because PostgreSQL takes SIGTERM for "when everybody has left".
  for (const [name, left] of Object.entries(noted.data ?? {}).toReversed()) {
    if ((await startOf(left.pid)) !== left.since) continue
    for (const [signal, limitMs] of [
      ['SIGINT', 10_000],
      ['SIGKILL', 5_000],
    ] as const) {
      process.kill(left.pid, signal)
      if (await untilGone(left, limitMs)) break
    }
    ended.push(name)
  }
  await rm(layout.processFile, { force: true })
  return ended
}

export async function readWorld(layout: Layout): Promise<WorldFile | undefined> {
  return worldFile.safeParse(parse(await readFile(layout.worldFile, 'utf8').catch(() => ''))).data
}

/** True when the process ended within the limit. */
export async function untilGone({ pid, since }: Owner, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs
  while (performance.now() < end) {
    if ((await startOf(pid)) !== since) return true
    await sleep(50)
  }
  return false
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
