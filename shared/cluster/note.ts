import { recordEvent } from '#shared/k8s/event.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import type { Log } from '#shared/server/log.ts'
import { deploymentRef } from './refs.ts'

export interface Said {
  /** CamelCase words that machines may compare. */
  readonly reason: string
  readonly action: string
  readonly text: string
  readonly type?: 'Normal' | 'Warning'
}

/** A Kubernetes Event on the instance. Only words: the instance is what it is whether or not they can be written. */
export async function note(
  name: string,
  { reason, action, text, type = 'Normal' }: Said,
  deps: {
    readonly kubernetes: Kubernetes
    readonly now: () => Temporal.Instant
    readonly log: Log
    readonly as: string
  },
  signal: AbortSignal,
): Promise<void> {
  const { kubernetes, now, log, as } = deps
  const words = { regarding: deploymentRef(name), reason, action, note: text, type, at: now() }
  try {
    await recordEvent(kubernetes, { ...words, reportingController: `platxa.io/${as}`, reportingInstance: as }, signal)
  } catch (error) {
    log.warn({ instance: name, error: String(error) }, 'could not write the Kubernetes Event')
  }
}
