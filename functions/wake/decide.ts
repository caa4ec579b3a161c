// What becomes of one request. Pure: the room, the kind of request and the moment decide, nothing else.
import type { Kind } from './classes/classify.ts'
import { isFenced } from './instance/fence.ts'
import type { Room } from './instance/life.ts'
import { isResting } from './instance/room.ts'
import { phaseNow, troubleOf } from './instance/state.ts'

export type Decision =
  | 'forward'
  /** Wait for the door to open; do not wake anybody for it. */
  | 'hold'
  | 'hold and wake'
  /** This instance usually wakes so fast that a page would only flash. */
  | 'hold briefly and wake'
  | 'show the page'
  | 'show the page and wake'
  /** A question about the sleeper that can be answered truly without it (answers.ts). */
  | 'answer for it'
  /** Keep an open tab waiting in the instance's place, as with its WebSocket. */
  | 'park'
  /** The last wake failed and nobody should wait now. */
  | 'tell the failure'
  /** 503: nobody is woken for this, come again later. */
  | 'not now'
  | 'suspended'
  | 'disabled'

export interface Asked {
  readonly kind: Kind
  /** Since when this request has been here, because a brief hold is brief once. */
  readonly at: number
  /** What this instance's own history says a wake takes, in milliseconds. */
  readonly usualMs: number | undefined
}

/** Wakes that take less than this, and what is left of longer ones, are waited for without a page. */
export const flashMs = 1_500

export function decide(room: Room, asked: Asked, now: number): Decision {
  const { life, world } = room
  if (world.status === 'suspended') return 'suspended'
  if (world.status === 'disabled') return 'disabled'
  if (life.is === 'awake') return isFenced(room, now) ? 'hold' : 'forward'
  switch (asked.kind) {
    case 'page load':
      return decidePage(room, asked, now)
    case 'call':
      if (life.is === 'failed' || (life.is === 'asleep' && isResting(room, now))) return 'tell the failure'
      return 'hold and wake'
    case 'asset':
    case 'background':
      // The page that another replica has just handed out needs its parts from this one too.
      return life.is === 'waking' ? 'hold' : 'not now'
    case 'crawler':
      return 'not now'
    case 'long poll':
      return 'park'
    case 'missed notifications':
    case 'version info':
    case 'health':
    case 'robots':
    case 'icon':
    case 'monitor':
      return 'answer for it'
  }
}

function decidePage(room: Room, { at, usualMs = Infinity }: Asked, now: number): Decision {
  const { life, world } = room
  if (life.is === 'failed' || (life.is === 'asleep' && isResting(room, now))) return 'show the page'
  const begun = life.is === 'waking' ? life.since : now
  // History says nothing of how long the pod of before still takes to end.
  const isFast = !world.stopping && usualMs < flashMs && now - begun < flashMs
  const isBrief = now - at < flashMs && (isFast || isNearlyThere(room, usualMs, now))
  return isBrief ? 'hold briefly and wake' : 'show the page and wake'
}

/** The instance accepts connections, and by its own history what is left until it answers is less than a page is worth. */
export function isNearlyThere(room: Room, usualMs: number, now: number): boolean {
  const { life } = room
  if (life.is !== 'waking' || phaseNow(room) !== 'database' || troubleOf(room, now) !== null) return false
  return usualMs - (now - life.since) < flashMs
}

/** What becomes of a WebSocket: bytes to the instance, a parked place with us, or a plain refusal. */
export type SocketDecision = 'forward' | 'park' | 'not now' | 'suspended' | 'disabled'

export function decideSocket(room: Room, path: string, now: number): SocketDecision {
  const { life, world } = room
  if (world.status === 'suspended') return 'suspended'
  if (world.status === 'disabled') return 'disabled'
  if (life.is === 'awake' && !isFenced(room, now)) return 'forward'
  // Only Odoo's own bus is known to bear a silent partner; anything else must be told the truth.
  return path === '/websocket' ? 'park' : 'not now'
}
