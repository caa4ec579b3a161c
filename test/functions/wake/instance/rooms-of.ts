// Rooms and worlds as the tests of the pure parts need them.
import { newEntry, type Entry, type Facts } from '#functions/wake/instance/entry.ts'
import type { Life, Room } from '#functions/wake/instance/life.ts'
import type { PodSeen, Trouble, World } from '#functions/wake/instance/world.ts'

export const ip = '10.1.2.3'

export function pod(changes: Partial<PodSeen> = {}): PodSeen {
  return { uid: 'pod-1', ip, phase: 'starting', ready: false, ...changes }
}

export function world(changes: Partial<World> = {}): World {
  return { status: 'active', replicas: 1, pod: null, stopping: false, trouble: null, ...changes }
}

export const sleeping = world({ replicas: 0 })

export function room(life: Life, changes: Partial<Room> = {}): Room {
  const replicas = life.is === 'asleep' ? 0 : 1
  return { world: world({ replicas }), life, fence: null, rest: null, ...changes }
}

export const asleep: Life = { is: 'asleep' }
export const awake: Life = { is: 'awake', pod: 'pod-1', ip, since: 0 }
export function waking(changes: Partial<Life & { is: 'waking' }> = {}): Life & { is: 'waking' } {
  return {
    is: 'waking',
    since: 0,
    wish: { trigger: 'http', why: 'somebody opened /odoo' },
    eager: true,
    scale: 'seen',
    trust: 'kubelet',
    marks: {},
    troubledAt: null,
    ...changes,
  }
}

export const crashing: Trouble = { code: 'crash-loop', detail: 'odoo ended with 1', final: true }
export const unschedulable: Trouble = { code: 'unschedulable', detail: '0/3 nodes', final: false }
export const quota: Trouble = { code: 'quota', detail: 'exceeded quota', final: true }
export const failed = (trouble: Trouble, pod: string | null = 'pod-1'): Life => ({
  is: 'failed',
  pod,
  trouble,
  since: 0,
})

export const facts: Facts = {
  name: 'demo',
  uid: 'u',
  hosts: ['demo.localhost'],
  status: 'active',
  replicas: 0,
  trouble: null,
  websocketPort: 8069,
  odooVersion: '19',
  why: undefined,
  lastVeto: null,
  totals: null,
  recentWakes: [],
  awakeSince: null,
}

export function entryOf(state: Room = room(asleep, { world: sleeping }), changes: Partial<Facts> = {}): Entry {
  return newEntry({ ...facts, ...changes }, state, [])
}
