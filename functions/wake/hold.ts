// Requests that wait for an instance: a bounded number of places, each with a limit, each free again at once when its
// client leaves. A request is held with its body unread.
import type { EventEmitter } from 'node:events'

export type HoldEnd = 'let in' | 'client gone' | 'too long' | 'full'

/** Who waits for one instance. Everybody is let in at once; each looks for itself what to do then. */
export type Waiting = Set<() => void>

export interface Hold {
  readonly waiting: Waiting
  /** Says `close` when the client has gone. */
  readonly client: EventEmitter & { readonly destroyed: boolean }
  readonly limitMs: number
  /** A person's request may use all places, what nobody waits for only half of them. */
  readonly urgent: boolean
}

export interface Holds {
  /** Requests that wait now, of all instances. */
  readonly held: number
  hold(hold: Hold): Promise<HoldEnd>
}

export interface HoldLimits {
  /** HOLDS_PER_INSTANCE */
  readonly perInstance: number
  /** HOLDS_TOTAL */
  readonly total: number
}

export function createHolds({ perInstance, total }: HoldLimits): Holds {
  let held = 0

  function hasPlace({ waiting, urgent }: Hold): boolean {
    const share = urgent ? 1 : 0.5
    return waiting.size < perInstance * share && held < total * share
  }

  function hold(wanted: Hold): Promise<HoldEnd> {
    const { waiting, client, limitMs } = wanted
    if (client.destroyed) return Promise.resolve('client gone')
    if (!hasPlace(wanted)) return Promise.resolve('full')
    return new Promise((resolve) => {
      const end = (how: HoldEnd): void => {
        held -= 1
        clearTimeout(timer)
        waiting.delete(letIn)
        client.off('close', leave)
        resolve(how)
      }
      const letIn = (): void => end('let in')
      const leave = (): void => end('client gone')
      const timer = setTimeout(end, limitMs, 'too long')
      held += 1
      waiting.add(letIn)
      client.once('close', leave)
    })
  }

  return {
    get held() {
      return held
    },
    hold,
  }
}

export function letIn(waiting: Waiting): void {
  for (const enter of waiting) enter()
}
