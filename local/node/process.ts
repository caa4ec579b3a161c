// One process of a container: started so that it cannot escape, ended with everything it started itself.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'

import type { Values } from './environment.ts'
import type { Program } from './images.ts'
import type { Keeper } from './keeper.ts'
import { killGroup, type Notes } from './notes.ts'

export interface Launch {
  readonly program: Program
  readonly env: Values
  readonly cwd: string
  readonly logFile: string
}

export interface Exit {
  readonly code: number
  /** Number of the signal that ended it. */
  readonly signal?: number
  readonly at: Date
}

export interface Running {
  readonly pid: number
  readonly startedAt: Date
  readonly exited: Promise<Exit>
  /** To the first process, as to the process 1 of a container. */
  signal(name: NodeJS.Signals): void
  /** SIGKILL to all of them. */
  kill(): void
}

/**
 * The shell waits for a word on its standard input and then becomes the program. Until keeper and notes know the
 * process, it is a shell that ends when we do: there is no moment at which a program could be left alone.
 */
const GATE = 'read -r word && [ "$word" = go ] && exec "$@" </dev/null'

export class Launcher {
  readonly #keeper: Keeper
  readonly #notes: Notes

  constructor(keeper: Keeper, notes: Notes) {
    this.#keeper = keeper
    this.#notes = notes
  }

  launch({ program, env, cwd, logFile }: Launch): Running {
    const log = openSync(logFile, 'a', 0o600)
    // A group of its own, which is what `killGroup` ends, and no terminal whose Ctrl-C would reach it.
    const child = spawn('/bin/sh', ['-c', GATE, 'sh', program.file, ...program.args], {
      cwd,
      env,
      detached: true,
      stdio: ['pipe', log, log],
    })
    closeSync(log)
    const { pid } = child
    const startedAt = new Date()
    const exited = new Promise<Exit>((done) => {
      child.once('error', () => done({ code: 128, at: new Date() }))
      child.once('exit', (code, signal) => {
        if (pid !== undefined) this.#forget(pid)
        done(exitOf(code, signal))
      })
    })
    child.stdin?.on('error', () => {})
    if (pid === undefined) return { pid: 0, startedAt, exited, signal: () => {}, kill: () => {} }
    this.#keeper.add(pid)
    this.#notes.add(pid)
    child.stdin?.end('go\n')
    return { pid, startedAt, exited, signal: (name) => void child.kill(name), kill: () => killGroup(pid, 'SIGKILL') }
  }

  /** As when the first process of a container ends: the others of its group are ended with it. */
  #forget(pid: number): void {
    killGroup(pid, 'SIGKILL')
    this.#keeper.remove(pid)
    this.#notes.remove(pid)
  }
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): Exit {
  const at = new Date()
  if (signal === null) return { code: code ?? 0, at }
  const number = constants.signals[signal]
  return { code: 128 + number, signal: number, at }
}
