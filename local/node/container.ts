// The life of one container: started, looked at, ended, started again.
import { setTimeout as sleep } from 'node:timers/promises'

import type { Container } from 'kubernetes-types/core/v1.js'

import { afterExit, afterRefusal, type BackOff, type BackOffLimits } from './backoff.ts'
import { type Health, watchHealth } from './health.ts'
import type { Exit, Launch, Launcher, Running } from './process.ts'
import type { ContainerView, State, Terminated } from './status.ts'

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never'

/** Thrown by `prepare` when no program stands for the image. */
export class NoSuchImage extends Error {
  override readonly name = 'NoSuchImage'
}

export interface ContainerOf {
  readonly container: Container
  readonly role: ContainerView['role']
  readonly restart: RestartPolicy
  readonly podIP: string
  /** For a container that is ended because it is unwell. */
  readonly graceMs: number
  readonly backOff: BackOffLimits
  readonly launcher: Launcher
  /** From the world as it is now to what to start. Throws NoSuchImage, or what is missing. */
  readonly prepare: (container: Container) => Promise<Launch>
  /** Something that the status tells has changed. */
  readonly changed: () => void
  readonly tell: (reason: string, message: string) => void
  /** Starts under an earlier node count too. */
  readonly restartCount: number
}

/** A missing ConfigMap is looked for again soon, as it often comes a moment later. */
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
        refusals = afterRefusal(refusals, attempt.backOff)
        this.#refuse(attempt, refusals)
        await pause(refusals.waitMs, signal)
        continue
      }
      refusals = undefined
      const { exit, ranMs } = await this.#attend(attempt)
      if (signal.aborted || !this.#restarts(exit)) return
      crashes = afterExit(crashes, ranMs, this.#of.backOff)
      if (crashes.waitMs > 0) this.#crashLoop(crashes.waitMs)
      await pause(crashes.waitMs, signal)
      this.#restartCount += 1
    }
  }

  async #attempt(): Promise<Running | Refusal | 'stopped'> {
    const { prepare, container, launcher, backOff } = this.#of
    try {
      const launch = await prepare(container)
      if (this.#stopping.signal.aborted) return 'stopped'
      this.#stopSignal = launch.program.stopSignal ?? 'SIGTERM'
      return launcher.launch(launch)
    } catch (error) {
      if (this.#stopping.signal.aborted) return 'stopped'
      const message = error instanceof Error ? error.message : String(error)
      const image = error instanceof NoSuchImage
      return { refused: image ? 'image' : 'config', message, backOff: image ? backOff : configBackOff }
    }
  }

  #refuse({ refused, message }: Refusal, { waitMs }: BackOff): void {
    const again = this.#state.is === 'waiting' && this.#state.reason.includes('Image')
    if (refused === 'config') {
      this.#state = { is: 'waiting', reason: 'CreateContainerConfigError', message }
      this.#of.tell('Failed', `Error: ${message}`)
    } else if (again) {
      this.#state = { is: 'waiting', reason: 'ImagePullBackOff', message: `Back-off pulling image: ${message}` }
      this.#of.tell('BackOff', `Back-off ${waitMs / 1000}s pulling image: ${message}`)
    } else {
      this.#state = { is: 'waiting', reason: 'ErrImagePull', message }
      this.#of.tell('Failed', message)
    }
    this.#of.changed()
  }

  #crashLoop(waitMs: number): void {
    const message = `back-off ${waitMs / 1000}s restarting failed container=${this.#of.container.name}`
    this.#state = { is: 'waiting', reason: 'CrashLoopBackOff', message }
    this.#of.tell('BackOff', message)
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

interface Refusal {
  readonly refused: 'image' | 'config'
  readonly message: string
  readonly backOff: BackOffLimits
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
