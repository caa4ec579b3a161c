// Requests that wait for an instance: a bounded number of places, each with a limit, each free again at once when its
// client leaves. A request is held with its body unread.
import type { EventEmitter } from 'node:events'
import type { Who } from './budget.ts'

export type HoldEnd = 'let in' | 'client gone' | 'too long' | 'full'

/** Who waits for one instance. Everybody is let in at once; each looks for itself what to do then. */
export type Waiting = Set<() => void>

export interface Hold {
  readonly waiting: Waiting
  /** Says `close` when the client has gone. */
  readonly client: EventEmitter & { readonly destroyed: boolean }
  readonly limitMs: number
  readonly who: Holder
}

/** A tenth on top of the places is kept for people; what nobody waits for may use only half of them. */
export type Holder = Who | 'nobody'
export type HoldBudget = 'holds per instance' | 'holds in all'

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

/** `onFull` hears of everybody for whom there was no place. */
export function createHolds(
  { perInstance, total }: HoldLimits,
  onFull: (budget: HoldBudget, who: Holder) => void = () => undefined,
): Holds {
  let held = 0

  function full({ waiting, who }: Hold): HoldBudget | undefined {
    if (waiting.size >= shareOf(perInstance, who)) return 'holds per instance'
    return held >= shareOf(total, who) ? 'holds in all' : undefined
  }

  function hold(wanted: Hold): Promise<HoldEnd> {
    const { waiting, client, limitMs } = wanted
    if (client.destroyed) return Promise.resolve('client gone')
    const budget = full(wanted)
    if (budget !== undefined) {
      onFull(budget, wanted.who)
      return Promise.resolve('full')
    }
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

function shareOf(places: number, who: Holder): number {
  if (who === 'person') return places + Math.ceil(places / 10)
  return who === 'other' ? places : places / 2
}

export function letIn(waiting: Waiting | null): void {
  for (const enter of waiting ?? []) enter()
}
