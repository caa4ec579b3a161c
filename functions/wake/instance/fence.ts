// A fence: for a moment nothing is forwarded to one instance, so that sleep can look and then act. Pure.
import type { Room, Step } from './life.ts'

/** `null` when somebody else's fence is up. */
export function raise(room: Room, id: string, ttlMs: number, now: number): Step | null {
  if (isFenced(room, now)) return null
  return { room: { ...room, fence: { id, until: now + ttlMs } }, commands: [] }
}

/** Lifting a fence that is gone, or another one's, changes nothing. */
export function lift(room: Room, id: string): Step {
  if (room.fence?.id !== id) return { room, commands: [] }
  return { room: { ...room, fence: null }, commands: [{ do: 'let in' }] }
}

/** A fence holds until its time is over, whether or not a timer has noticed. */
export function isFenced(room: Room, now: number): boolean {
  return room.fence !== null && now < room.fence.until
}
