// What an instance is doing, in one word for programs and one sentence for people. Pure.
import type { Entry } from './entry.ts'
import { isFenced } from './fence.ts'
import type { Room } from './life.ts'
import { isResting } from './room.ts'
import { phaseOf, type Phase, type Trouble } from './world.ts'

export type StateName = 'asleep' | 'stopping' | 'waking' | 'awake' | 'fenced' | 'failed' | 'suspended' | 'disabled'

export interface State {
  readonly state: StateName
  readonly why: string
}

export function stateOf({ facts, room }: Pick<Entry, 'facts' | 'room'>, now: number): State {
  const state = nameOf(room, now)
  const trouble = troubleOf(room, now)
  if (trouble !== null) return { state, why: `${trouble.code}: ${trouble.detail}` }
  const { life } = room
  if (life.is === 'waking') return { state, why: life.wish?.why ?? 'somebody else woke it' }
  if (isFenced(room, now)) return { state, why: 'new requests wait while its sleep is being decided' }
  return { state, why: facts.why ?? '' }
}

/** It falls asleep, or has: an end of its connections that its tabs need not hear of. */
export function isLeaving({ room: { world, life } }: Pick<Entry, 'room'>): boolean {
  return world.status === 'active' && life.is !== 'awake'
}

function nameOf(room: Room, now: number): StateName {
  const { life, world } = room
  if (world.status !== 'active') return world.status
  if (life.is === 'awake') return isFenced(room, now) ? 'fenced' : 'awake'
  if (life.is === 'asleep' && isResting(room, now)) return 'failed'
  return life.is === 'asleep' && world.stopping ? 'stopping' : life.is
}

/** Why it is not awake although somebody wants it, if anything is known. */
export function troubleOf(room: Room, now: number): Trouble | null {
  const { life, world, rest } = room
  if (life.is === 'failed') return life.trouble
  if (life.is === 'waking') return world.trouble
  return life.is === 'asleep' && isResting(room, now) ? (rest?.trouble ?? null) : null
}

/** How far the wake is. The probe knows of two phases that Kubernetes does not. */
export function phaseNow({ life, world }: Room): Phase {
  if (life.is === 'awake') return 'ready'
  if (life.is !== 'waking') return phaseOf(world)
  if (life.scale === 'after the old pod') return 'stopping'
  if (life.marks.database !== undefined && world.pod !== null) return 'database'
  return life.scale === 'asked' || life.scale === 'done' ? 'requested' : phaseOf(world)
}

/** Since the wake began that is under way. */
export function wakingMs({ life }: Room, now: number): number {
  return life.is === 'waking' ? now - life.since : 0
}

/** How long a visitor should wait before asking again, in whole seconds. */
export function retryAfterSeconds(room: Room, usualMs: number, now: number): number {
  const { rest } = room
  if (isResting(room, now) && rest !== null) return Math.ceil((rest.until - now) / 1000)
  return Math.min(30, Math.max(1, Math.ceil((usualMs - wakingMs(room, now)) / 1000)))
}
