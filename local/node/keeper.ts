// No process may outlive the node. After a SIGKILL nobody can tidy up, so a shell of a few hundred kilobytes waits for
// the end of a pipe that only the node holds, and then ends every process group it knows.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./keeper.sh', import.meta.url))

const RESTART_MS = 200

export interface Keeper {
  /** Must be told before the process does anything of its own. */
  add(processGroup: number): void
  remove(processGroup: number): void
  /** All processes are ended: nothing is left to keep. */
  close(): Promise<void>
}

export function startKeeper(): Keeper {
  const groups = new Set<number>()
  let closing = false
  let shell: ChildProcess | undefined
  const say = (line: string): void => void shell?.stdin?.write(`${line}\n`)

  const start = (): void => {
    // A session of its own: Ctrl-C in the terminal is for the node, which ends its pods in order.
    shell = spawn('/bin/sh', [SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    shell.unref()
    shell.stdin?.on('error', () => {})
    // Somebody ended it: the next one learns all that is running.
    shell.once('exit', () => void setTimeout(() => closing || start(), RESTART_MS).unref())
    for (const group of groups) say(`add ${group}`)
  }
  start()

  return {
    add(group) {
      groups.add(group)
      say(`add ${group}`)
    },
    remove(group) {
      if (groups.delete(group)) say(`del ${group}`)
    },
    async close() {
      closing = true
      const ended = new Promise((done) => shell?.once('exit', done))
      shell?.ref()
      say('bye')
      await ended
    },
  }
}
