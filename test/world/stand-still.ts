import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * SIGSTOP, which returns while threads on other cores still run and may answer one more call: resolves when all of them
 * stand. Where there is no /proc, nobody can tell.
 */
export async function standStill(pid: number | undefined): Promise<void> {
  if (pid === undefined) throw new Error('there is no such process')
  process.kill(pid, 'SIGSTOP')
  if (process.platform !== 'linux') return
  while (!(await threadStates(pid)).every((state) => state === 'T')) await sleep(5)
}

/**
 * proc_pid_stat(5): the state is the first word after the name, which stands in parentheses and may contain some. Empty for
 * a thread that has just ended.
 */
async function threadStates(pid: number): Promise<readonly string[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => '')),
  )
  return stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3))
}
