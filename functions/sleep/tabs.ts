// Whoever reads, and clicks without asking the instance for anything, is known to the open tab alone. It is asked before the
// fence: what it tells is part of what the wake replicas say behind it.
import { setTimeout as sleep } from 'node:timers/promises'
import { askTabs, wakeReplicas, type Replica } from '#shared/wake/replicas.ts'
import type { IdleDetected } from './event.ts'
import type { FenceDeps } from './fences.ts'

export interface TabDeps extends Omit<FenceDeps, 'fenceTtlMs'> {
  /** TABS_ANSWER: for so long tabs may take to come again and tell; 0 = they are not asked. */
  readonly tabsAnswerMs: number
}

/** Resolves when those who were asked have had time to answer. */
export async function hearTabs(
  { name, evidence }: IdleDetected['data'],
  timeoutMs: number,
  deps: TabDeps,
  signal: AbortSignal,
): Promise<void> {
  const { tabsAnswerMs } = deps
  // A tab that came after the scan has told by itself. And an operator who says "now" does not ask who is there.
  if (evidence.sockets === 0 || tabsAnswerMs === 0 || timeoutMs <= tabsAnswerMs) return
  const replicas = await wakeReplicas(deps.kubernetes, deps.replicas, signal)
  const asked = await Promise.all(replicas.map((at) => ask(at, name, deps, signal)))
  if (asked.some((count) => count > 0)) await sleep(tabsAnswerMs, undefined, { signal })
}

/** One that does not answer will not answer to the fence either, and that keeps the instance awake. */
async function ask(at: Replica, name: string, { replicas, log }: TabDeps, signal: AbortSignal): Promise<number> {
  try {
    return await askTabs(at, name, replicas, signal)
  } catch (error) {
    signal.throwIfAborted()
    log.warn({ instance: name, replica: at.name, error: String(error) }, 'tabs not asked')
    return 0
  }
}
