// One instance as one wake replica knows it, and every way it may change. Pure: the moment is an argument (milliseconds
// on a clock that never jumps), what must be done in the world comes back as commands.
import type { Command, Life, Limits, Rest, Room, Step, Waking, Wish } from './life.ts'
import { later, phaseOf, type PodSeen, type Trouble, type World } from './world.ts'

/** How long a wake waits for the pod of the last time to end: two Odoos at once exceed the quota and share the files. */
export const oldPodMs = 40_000
/** How long the watch may take to show a replica that the API server has confirmed. */
const echoMs = 10_000
/** The quota still counts a pod that has just ended, so the first try to make the next one may be refused. */
const refusalMs = 3_000
const firstRestMs = 30_000
const longestRestMs = 15 * 60_000

const asleep: Life = { is: 'asleep' }
const nothing: readonly Command[] = []
const letIn: Command = { do: 'let in' }

export function newRoom(world: World, now: number): Step {
  return seeWorld({ world, life: asleep, fence: null, rest: null }, world, now)
}

/** The watches show something new. */
export function seeWorld(before: Room, world: World, now: number): Step {
  const room = { ...before, world }
  if (world.status !== 'active') return fallAsleep(room)
  return world.replicas === 0 ? seeNone(room, now) : seeOne(room, world.pod, now)
}

function seeNone(room: Room, now: number): Step {
  const { life, world } = room
  if (life.is === 'asleep') return { room, commands: nothing }
  if (life.is !== 'waking' || life.scale === 'seen') return fallAsleep(room)
  if (life.scale === 'after the old pod' && !world.stopping) return askScale(room, life, now)
  return { room, commands: nothing }
}

function seeOne(room: Room, pod: PodSeen | null, now: number): Step {
  const { life } = room
  switch (life.is) {
    case 'asleep':
      return advance(room, startWaking(now, null, 'seen'), now)
    case 'waking':
      return advance(room, life, now)
    case 'awake':
      if (pod?.uid === life.pod && pod.ip === life.ip) return { room, commands: nothing }
      return also(advance(room, startWaking(now, null, 'seen'), now), { do: 'release', ip: life.ip })
    case 'failed':
      if (isStuck(room.world, life)) return { room, commands: nothing }
      return advance(room, startWaking(now, null, 'seen'), now)
  }
}

/** Containers that crash look healthy between two crashes; a pod that was too slow stays so until it is ready. */
function isStuck({ pod, trouble }: World, failed: Life & { is: 'failed' }): boolean {
  if (pod?.ready || (pod?.uid ?? null) !== failed.pod) return false
  return trouble?.final === true || ['timeout', 'crash-loop', 'out-of-memory'].includes(failed.trouble.code)
}

/** As far as the pod has come: ready, in trouble, or one phase further. */
function advance(room: Room, from: Waking, now: number): Step {
  const { pod, trouble } = room.world
  const marks = later(from.marks, phaseOf(room.world), now)
  const troubledAt = trouble === null ? null : (from.troubledAt ?? now)
  const life: Waking = { ...from, scale: 'seen', marks, troubledAt }
  if (pod?.ip && pod.ready && life.trust === 'kubelet') return wakeUp(room, life, pod.uid, pod.ip, now)
  if (trouble?.final && now >= (troubledAt ?? now) + patienceWith(trouble)) return fail(room, life, trouble, now)
  return {
    room: { ...room, life },
    commands: pod?.ip && life.eager ? [{ do: 'probe', pod: pod.uid, ip: pod.ip }] : nothing,
  }
}

/** A person, a client or a schedule wants the instance. Asking twice is asking once. */
export function demand(room: Room, wish: Wish, now: number): Step {
  const { life, world } = room
  if (world.status !== 'active') return { room, commands: nothing }
  if (life.is === 'waking') return hurry(room, now)
  if (life.is !== 'asleep' || (isResting(room, now) && wish.trigger !== 'manual')) return { room, commands: nothing }
  const waking = startWaking(now, wish, world.stopping ? 'after the old pod' : 'asked')
  if (!world.stopping) return askScale(room, waking, now)
  return { room: { ...room, life: waking }, commands: nothing }
}

/** Somebody waits for a wake that is already under way. */
export function hurry(room: Room, now: number): Step {
  if (room.life.is !== 'waking' || room.life.eager) return { room, commands: nothing }
  const life: Waking = { ...room.life, eager: true }
  return life.scale === 'seen' ? advance(room, life, now) : { room: { ...room, life }, commands: nothing }
}

function askScale(room: Room, life: Waking, now: number): Step {
  const marks = later(life.marks, 'requested', now)
  return { room: { ...room, life: { ...life, scale: 'asked', marks } }, commands: [{ do: 'scale' }] }
}

/** The API server has confirmed the PATCH. */
export function scaled(room: Room, now: number): Step {
  const { life } = room
  if (life.is !== 'waking' || life.scale !== 'asked') return { room, commands: nothing }
  return {
    room: { ...room, life: { ...life, scale: 'done', marks: later(life.marks, 'accepted', now) } },
    commands: nothing,
  }
}

/** The API server refused the PATCH, or could not be reached for as long as a wake may take. */
export function notScaled(room: Room, trouble: Trouble, now: number): Step {
  const { life } = room
  return life.is === 'waking' && life.scale === 'asked' ? fail(room, life, trouble, now) : { room, commands: nothing }
}

/** Our own probe: the port accepts, Odoo is still loading its database. */
export function listening(room: Room, pod: string, now: number): Step {
  const { life } = room
  if (life.is !== 'waking' || room.world.pod?.uid !== pod) return { room, commands: nothing }
  const marks = later(life.marks, 'database', now)
  return { room: { ...room, life: { ...life, marks } }, commands: [{ do: 'show progress' }] }
}

/** Our own probe: the instance answers. */
export function answers(room: Room, pod: string, now: number): Step {
  const { life, world } = room
  if (life.is !== 'waking' || world.pod?.uid !== pod || world.pod.ip === null) return { room, commands: nothing }
  return wakeUp(room, life, pod, world.pod.ip, now)
}

/** A request could not be handed over: nobody listens at the address of an instance that was awake. */
export function unreachable(room: Room, ip: string, now: number): Step {
  const { life } = room
  if (life.is !== 'awake' || life.ip !== ip) return { room, commands: nothing }
  const waking: Waking = { ...startWaking(now, null, 'seen'), eager: true, trust: 'probe' }
  return also(advance(room, waking, now), { do: 'release', ip })
}

/** Limits that ran out. Call it at `nextTick`. */
export function tick(before: Room, now: number, limits: Limits): Step {
  const lifted = before.fence !== null && now >= before.fence.until
  const room: Room = lifted ? { ...before, fence: null } : before
  const step = tickLife(room, now, limits)
  return lifted ? also(step, letIn) : step
}

function tickLife(room: Room, now: number, limits: Limits): Step {
  const { life } = room
  if (life.is !== 'waking' || now < deadlineOf(room.world, life, limits)) return { room, commands: nothing }
  if (life.scale === 'after the old pod') return askScale(room, life, now)
  if (life.scale === 'done') return fallAsleep(room)
  const detail = `no answer within ${Math.round(limits.wakeTimeoutMs / 1000)} s`
  return fail(room, life, room.world.trouble ?? { code: 'timeout', detail, final: false }, now)
}

/** When `tick` has something to do, or null. */
export function nextTick(room: Room, limits: Limits): number | null {
  const life = room.life.is === 'waking' ? deadlineOf(room.world, room.life, limits) : null
  const fence = room.fence?.until ?? null
  return life === null || fence === null ? (life ?? fence) : Math.min(life, fence)
}

function deadlineOf({ trouble }: World, waking: Waking, { wakeTimeoutMs }: Limits): number {
  const { since, scale, marks, troubledAt } = waking
  if (scale === 'after the old pod') return since + Math.min(oldPodMs, wakeTimeoutMs)
  if (scale === 'done') return (marks.accepted ?? since) + echoMs
  const refused = trouble?.final && troubledAt !== null ? troubledAt + patienceWith(trouble) : Infinity
  return Math.min(since + wakeTimeoutMs, refused)
}

function patienceWith({ code }: Trouble): number {
  return code === 'quota' || code === 'refused' ? refusalMs : 0
}

export function isResting(room: Room, now: number): boolean {
  return room.rest !== null && now < room.rest.until
}

function startWaking(since: number, wish: Wish | null, scale: Waking['scale']): Waking {
  return { is: 'waking', since, wish, eager: wish !== null, scale, trust: 'kubelet', marks: {}, troubledAt: null }
}

function wakeUp(room: Room, waking: Waking, pod: string, ip: string, now: number): Step {
  const told: readonly Command[] = [
    { do: 'tell woken', waking: { ...waking, marks: later(waking.marks, 'ready', now) }, pod, at: now },
  ]
  const commands: readonly Command[] = [{ do: 'stop probing' }, letIn, ...(waking.wish ? told : nothing)]
  return { room: { ...room, life: { is: 'awake', pod, ip, since: now }, rest: null }, commands }
}

function fail(room: Room, { wish }: Waking, trouble: Trouble, now: number): Step {
  const failures = (room.rest?.failures ?? 0) + (wish ? 1 : 0)
  const rest: Rest = {
    failures,
    until: now + Math.min(firstRestMs * 2 ** Math.max(failures - 1, 0), longestRestMs),
    trouble,
  }
  const { replicas, pod } = room.world
  const life: Life = replicas === 0 ? asleep : { is: 'failed', pod: pod?.uid ?? null, trouble, since: now }
  const commands: readonly Command[] = [{ do: 'stop probing' }, letIn, { do: 'tell failed', trouble, wish }]
  return { room: { ...room, life, rest }, commands }
}

function fallAsleep(room: Room): Step {
  const { life } = room
  const release: readonly Command[] = life.is === 'awake' ? [{ do: 'release', ip: life.ip }] : nothing
  const rest: readonly Command[] = life.is === 'asleep' ? nothing : [{ do: 'stop probing' }, letIn]
  return { room: { ...room, life: asleep, fence: null }, commands: [...release, ...rest] }
}

function also(step: Step, command: Command): Step {
  return { room: step.room, commands: [...step.commands, command] }
}
