// The life of one container: started, looked at, ended, started again.
import { setTimeout as sleep } from 'node:timers/promises'

import type { Container } from 'kubernetes-types/core/v1.js'

import { afterExit, afterRefusal, type BackOff, type BackOffLimits } from './backoff.ts'
import { type Health, watchHealth } from './health.ts'
import type { Exit, Launch, Launcher, Running } from './process.ts'
import { crashNews, type News, NoSuchImage, refusalNews } from './refusal.ts'
import type { ContainerView, State, Terminated } from './status.ts'

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never'

export interface ContainerOf {
  readonly container: Container
  readonly role: ContainerView['role']
  readonly restart: RestartPolicy
  readonly podIP: string
  /** For a container that is ended because it is unwell. */
  readonly graceMs: number
  readonly backOff: BackOffLimits
  readonly launcher: Launcher
  /** From the world as it is now to what to start. Throws NoSuchImage, MountProblem or ConfigProblem. */
  readonly prepare: (container: Container) => Promise<Launch>
  /** Something that the status tells has changed. */
  readonly changed: () => void
  readonly tell: (reason: string, message: string) => void
  /** Starts under an earlier node count too. */
  readonly restartCount: number
}

/** What is missing, such as a ConfigMap, is looked for again soon, as it often comes a moment later. */
const configBackOff: BackOffLimits = { initialMs: 250, maxMs: 10_000 }
const unknown: Health = { started: false, ready: false }

export class ContainerRun {
  readonly #of: ContainerOf
  readonly #stopping = new AbortController()
  readonly #startedOnce = Promise.withResolvers<void>()
  #state: State = { is: 'waiting', reason: 'PodInitializing' }
  #lastExit: Terminated | undefined
  #running: Running | undefined
  #stopSignal: NodeJS.Signals = 'SIGTERM'
  #health = unknown
  #restartCount: number
  #resources: Container['resources']
  #ended: Promise<void> | undefined

  constructor(of: ContainerOf) {
    this.#of = of
    this.#restartCount = of.restartCount
    this.#resources = of.container.resources
  }

  get name(): string {
    return this.#of.container.name
  }

  get role(): ContainerView['role'] {
    return this.#of.role
  }

  view(): ContainerView {
    const { container, role } = this.#of
    return {
      name: container.name,
      image: container.image ?? '',
      role,
      state: this.#state,
      ...this.#health,
      restartCount: this.#restartCount,
      ...(this.#lastExit !== undefined && { lastExit: this.#lastExit }),
      ...(this.#running !== undefined && { containerID: idOf(this.#running) }),
      ...(this.#resources !== undefined && { resources: this.#resources }),
    }
  }

  /** An in-place resize: nothing here enforces resources, so taking note is all. False when it is none. */
  resize(resources: Container['resources']): boolean {
    const resized = JSON.stringify(resources) !== JSON.stringify(this.#resources)
    this.#resources = resources
    return resized
  }

  /** Resolves when the container has ended and will not start again. */
  run(): Promise<void> {
    return (this.#ended ??= this.#live())
  }

  /** Resolves when it has passed its startup probe for the first time, or has ended for good. */
  async started(): Promise<void> {
    await Promise.race([this.#startedOnce.promise, this.run()])
  }

  succeeded(): boolean {
    return this.#state.is === 'terminated' && this.#state.exitCode === 0
  }

  /** preStop, the stop signal, and SIGKILL when the grace is over. Called again it can only shorten the grace. */
  async stop(graceMs: number): Promise<void> {
    if (this.#ended === undefined) return
    const process = this.#running
    const late = setTimeout(() => process?.kill(), graceMs)
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort()
      const seconds = this.#of.container.lifecycle?.preStop?.sleep?.seconds ?? 0
      if (process !== undefined && seconds > 0) await Promise.race([sleep(seconds * 1000), process.exited])
      process?.signal(this.#stopSignal)
    }
    await this.#ended
    clearTimeout(late)
  }

  async #live(): Promise<void> {
    const { signal } = this.#stopping
    let refusals: BackOff | undefined
    let crashes: BackOff | undefined
    while (!signal.aborted) {
      const attempt = await this.#attempt()
      if (attempt === 'stopped') return
      if ('refused' in attempt) {
        const image = attempt.refused instanceof NoSuchImage
        refusals = afterRefusal(refusals, image ? this.#of.backOff : configBackOff)
        this.#tell(refusalNews(attempt.refused, this.#state, refusals.waitMs))
        await pause(refusals.waitMs, signal)
        continue
      }
      refusals = undefined
      const { exit, ranMs } = await this.#attend(attempt)
      if (signal.aborted || !this.#restarts(exit)) return
      crashes = afterExit(crashes, ranMs, this.#of.backOff)
      if (crashes.waitMs > 0) this.#tell(crashNews(this.name, crashes.waitMs))
      await pause(crashes.waitMs, signal)
      this.#restartCount += 1
    }
  }

  async #attempt(): Promise<Running | { readonly refused: unknown } | 'stopped'> {
    const { prepare, container, launcher } = this.#of
    try {
      const launch = await prepare(container)
      if (this.#stopping.signal.aborted) return 'stopped'
      this.#stopSignal = launch.program.stopSignal ?? 'SIGTERM'
      return launcher.launch(launch)
    } catch (error) {
      return this.#stopping.signal.aborted ? 'stopped' : { refused: error }
    }
  }

  #tell({ state, reason, text }: News): void {
    this.#state = state
    this.#of.tell(reason, text)
    this.#of.changed()
  }

  /** From the start of a process to its end. */
  async #attend(process: Running): Promise<{ exit: Exit; ranMs: number }> {
    const { container, podIP, tell } = this.#of
    const { signal, abort } = endable()
    const changed = (): void => {
      if (this.#health.started) this.#startedOnce.resolve()
      this.#of.changed()
    }
    this.#running = process
    this.#state = { is: 'running', since: process.startedAt.toISOString() }
    const unwell = (why: string): void => this.#kill(process, why)
    this.#health = watchHealth({ container, podIP, signal, changed, tell, unwell })
    changed()
    const exit = await process.exited
    abort()
    this.#health = unknown
    this.#state = this.#lastExit = terminated(process, exit)
    this.#of.changed()
    return { exit, ranMs: exit.at.getTime() - process.startedAt.getTime() }
  }

  #kill(process: Running, why: string): void {
    this.#of.tell('Killing', `Container ${this.#of.container.name} ${why}, will be restarted`)
    process.signal(this.#stopSignal)
    const late = setTimeout(() => process.kill(), this.#of.graceMs)
    void process.exited.then(() => clearTimeout(late))
  }

  #restarts({ code }: Exit): boolean {
    const { restart, role } = this.#of
    // An init container has done its work once it has succeeded.
    if (role === 'init' && code === 0) return false
    return restart === 'Always' || (restart === 'OnFailure' && code !== 0)
  }
}

function terminated(process: Running, { code, signal, at }: Exit): Terminated {
  return {
    is: 'terminated',
    exitCode: code,
    ...(signal !== undefined && { signal }),
    reason: code === 0 ? 'Completed' : 'Error',
    startedAt: process.startedAt.toISOString(),
    finishedAt: at.toISOString(),
    containerID: idOf(process),
  }
}

const idOf = ({ pid, startedAt }: Running): string => `process://${pid}-${startedAt.getTime()}`

function endable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {})
}
