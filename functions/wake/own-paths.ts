// Paths below `/.platxa/` belong to the door, on every host: the loading page asks here how far the wake is.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { say } from './answers.ts'
import { isNearlyThere } from './decide.ts'
import { usualWakeMs, watchingFor, type Entry } from './instance/entry.ts'
import { usualMsOf, type Front } from './front.ts'
import { noteFor, stepSeconds, wakingView } from './page/page.ts'
import { hurry } from './instance/room.ts'
import { phaseNow, retryAfterSeconds, stateOf, troubleOf, wakingMs } from './instance/state.ts'
import type { Phase } from './instance/world.ts'

export const ownPrefix = '/.platxa/'
export const wakePath = '/.platxa/wake'

/** How long a page that asks with `?wait` may be kept: as often as it would ask otherwise, so it shows each phase as early. */
const longestWaitMs = 700

/**
 * A page that waits hears at once that the instance is nearly there, and of the open door; where there is no place for it,
 * it is answered like any other.
 */
export async function answerOwnPath(
  entry: Entry,
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  front: Front,
): Promise<void> {
  const [path, query] = target.split('?', 2)
  if (path !== wakePath) return say(response, { status: 404, type: 'text/plain', body: 'No such page.\n' })
  if (request.method !== 'GET')
    return say(response, { status: 405, type: 'text/plain', body: 'GET only.\n' }, { Allow: 'GET' })
  // Somebody looks at the page: this replica, too, wants to know at once.
  front.keeper.change(entry, hurry)
  const progress = (): Progress => progressOf(entry, request.headers['accept-language'], front.now())
  let said = progress()
  if (query === 'wait' && said.state === 'waking') {
    const waiting = watchingFor(entry)
    await front.holds.hold({ waiting, client: response, limitMs: longestWaitMs, who: 'nobody' })
    said = progress()
  }
  return say(response, { status: 200, type: 'application/json', body: `${JSON.stringify(said)}\n` })
}

export interface Progress {
  /** `ready`: reload and you are in. */
  readonly state: 'ready' | 'waking' | 'failed' | 'asleep' | 'suspended' | 'disabled'
  readonly phase: Phase
  /** Reload: the door holds a page that comes now until the instance answers. */
  readonly soon: boolean
  readonly seconds: number
  readonly typicalSeconds: number
  /** Of the page's steps that are done, how long each took. */
  readonly stepSeconds: readonly number[]
  /** What is wrong, in one word (world.ts). */
  readonly reason?: string | undefined
  /** While it wakes: what there is to say, in the reader's language; and whether that is more than how long it usually takes. */
  readonly message?: string | undefined
  readonly unusual: boolean
  readonly retrySeconds?: number | undefined
}

export function progressOf(entry: Entry, acceptLanguage: string | undefined, now: number): Progress {
  const { room } = entry
  const known = usualWakeMs(entry)
  const usualMs = usualMsOf(known)
  const phase = phaseNow(room)
  const trouble = troubleOf(room, now)
  const state = stateNameOf(stateOf(entry, now).state)
  const elapsedMs = wakingMs(room, now)
  const view = wakingView({ phase, trouble, usualMs, elapsedMs })
  return {
    state,
    phase,
    soon: isNearlyThere(room, known ?? Infinity, now),
    seconds: Math.round(elapsedMs / 100) / 10,
    typicalSeconds: view.usualSeconds,
    stepSeconds: room.life.is === 'waking' ? stepSeconds(room.life.marks, room.life.since) : [],
    reason: trouble?.code,
    message: state === 'waking' ? noteFor(acceptLanguage, view) : undefined,
    unusual: view.note !== 'usual',
    retrySeconds: state === 'failed' ? retryAfterSeconds(room, usualMs, now) : undefined,
  }
}

function stateNameOf(state: ReturnType<typeof stateOf>['state']): Progress['state'] {
  if (state === 'awake') return 'ready'
  if (state === 'stopping') return 'asleep'
  return state === 'fenced' ? 'waking' : state
}
