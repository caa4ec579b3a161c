// Why a container could not even be started, in the words of the kubelet: people and our own pages search for them. Pure.
import type { State } from './status.ts'

/** Nothing stands for the image. */
export class NoSuchImage extends Error {
  override readonly name = 'NoSuchImage'
}

/** A volume cannot be provided (yet). */
export class MountProblem extends Error {
  override readonly name = 'MountProblem'

  constructor(volume: string, why: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`)
  }
}

export interface News {
  readonly state: State
  /** Of the Event. */
  readonly reason: string
  readonly text: string
}

/** `before` is the container's state until now, `waitMs` the time until the next try. */
export function refusalNews(error: unknown, before: State, waitMs: number): News {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof NoSuchImage) return imageNews(message, before, waitMs)
  if (error instanceof MountProblem) {
    return { state: { is: 'waiting', reason: 'ContainerCreating' }, reason: 'FailedMount', text: message }
  }
  const state: State = { is: 'waiting', reason: 'CreateContainerConfigError', message }
  return { state, reason: 'Failed', text: `Error: ${message}` }
}

function imageNews(message: string, before: State, waitMs: number): News {
  if (before.is !== 'waiting' || !before.reason.includes('Image')) {
    return { state: { is: 'waiting', reason: 'ErrImagePull', message }, reason: 'Failed', text: message }
  }
  const state: State = { is: 'waiting', reason: 'ImagePullBackOff', message: `Back-off pulling image: ${message}` }
  return { state, reason: 'BackOff', text: `Back-off ${waitMs / 1000}s pulling image: ${message}` }
}

export function crashNews(container: string, waitMs: number): News {
  const message = `back-off ${waitMs / 1000}s restarting failed container=${container}`
  return { state: { is: 'waiting', reason: 'CrashLoopBackOff', message }, reason: 'BackOff', text: message }
}
