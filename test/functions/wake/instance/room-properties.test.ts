// Whatever happens in whatever order: the promises of the door.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classOf, type Kind } from '#functions/wake/classes/classify.ts'
import { decide, decideSocket } from '#functions/wake/decide.ts'
import { isFenced, lift, raise } from '#functions/wake/instance/fence.ts'
import type { Room, Step } from '#functions/wake/instance/life.ts'
import * as rooms from '#functions/wake/instance/room.ts'
import type { World } from '#functions/wake/instance/world.ts'
import { crashing, ip, pod, quota, sleeping, unschedulable } from './rooms-of.ts'

const limits = { wakeTimeoutMs: 300_000 }
type Happening = (room: Room, now: number) => Step

const worlds: fc.Arbitrary<World> = fc.oneof(
  fc.constant(sleeping),
  fc.record({
    status: fc.constantFrom('active', 'active', 'active', 'suspended', 'disabled'),
    replicas: fc.constantFrom(0, 1),
    stopping: fc.boolean(),
    trouble: fc.constantFrom(null, null, null, crashing, unschedulable, quota),
    pod: fc.constantFrom(
      null,
      pod({ ip: null, phase: 'scheduled' }),
      pod(),
      pod({ ready: true }),
      pod({ uid: 'pod-2', ip: '10.9.9.9', ready: true }),
    ),
  }),
)

const happenings: fc.Arbitrary<{ readonly what: string; readonly happen: Happening }> = fc.oneof(
  worlds.map((seen) => ({
    what: `sees ${JSON.stringify(seen)}`,
    happen: (room: Room, now: number) => rooms.seeWorld(room, seen, now),
  })),
  fc.constantFrom<{ what: string; happen: Happening }>(
    { what: 'demand', happen: (room, now) => rooms.demand(room, { trigger: 'http', why: 'x' }, now) },
    { what: 'button', happen: (room, now) => rooms.demand(room, { trigger: 'manual', why: 'x' }, now) },
    { what: 'hurry', happen: rooms.hurry },
    { what: 'scaled', happen: rooms.scaled },
    { what: 'not scaled', happen: (room, now) => rooms.notScaled(room, crashing, now) },
    { what: 'listening', happen: (room, now) => rooms.listening(room, 'pod-1', now) },
    { what: 'answers', happen: (room, now) => rooms.answers(room, 'pod-1', now) },
    { what: 'unreachable', happen: (room, now) => rooms.unreachable(room, ip, now) },
    { what: 'fence', happen: (room, now) => raise(room, 'a', 10_000, now) ?? { room, commands: [] } },
    { what: 'lift', happen: (room) => lift(room, 'a') },
    { what: 'tick', happen: (room, now) => rooms.tick(room, now, limits) },
  ),
)

const stories = fc.array(fc.record({ happening: happenings, afterMs: fc.integer({ min: 0, max: 20_000 }) }), {
  maxLength: 60,
})
const kinds: readonly Kind[] = [
  'page load',
  'call',
  'background',
  'asset',
  'health',
  'missed notifications',
  'version info',
  'crawler',
  'monitor',
  'icon',
  'robots',
]

/** Tells a story; `look` sees every step of it. */
function tell(
  story: readonly { happening: { happen: Happening }; afterMs: number }[],
  look: (step: Step, before: Room, now: number) => void,
): Room {
  let now = 0
  let room = rooms.newRoom(sleeping, now).room
  for (const { happening, afterMs } of story) {
    now += afterMs
    const step = happening.happen(room, now)
    look(step, room, now)
    room = step.room
  }
  return room
}

/** Requests are held for an instance that is on its way, or behind a fence. */
function mayHold(room: Room, now: number): boolean {
  return room.life.is === 'waking' || (room.life.is === 'awake' && isFenced(room, now))
}

describe('whatever happens', () => {
  it('nothing is forwarded to an instance that is asleep, waking, failed, fenced or closed', () => {
    fc.assert(
      fc.property(stories, (story) => {
        tell(story, ({ room }, _before, now) => {
          const open = room.world.status === 'active' && room.life.is === 'awake' && !isFenced(room, now)
          for (const kind of kinds) {
            expect(decide(room, { kind, at: now, usualMs: undefined }, now) === 'forward').toBe(open)
          }
          expect(decideSocket(room, '/websocket', now) === 'forward').toBe(open)
        })
      }),
    )
  })

  it('one wake asks for one PATCH, and only a wake of an instance without a replica does', () => {
    fc.assert(
      fc.property(stories, (story) => {
        let asked = false
        tell(story, ({ room, commands }, before) => {
          if (commands.some((command) => command.do === 'scale')) {
            expect(asked).toBe(false)
            expect(before.world.replicas).toBe(0)
            asked = true
          }
          if (room.life.is !== 'waking') asked = false
        })
      }),
    )
  })

  it('a fence is over when its time is, and nobody waits for ever: something rings as long as somebody may wait', () => {
    fc.assert(
      fc.property(stories, (story) => {
        tell(story, ({ room }, _before, now) => {
          expect(isFenced(room, now + 10_000)).toBe(false)
          const decision = decide(room, { kind: 'call', at: now, usualMs: undefined }, now)
          if (decision === 'hold') expect(rooms.nextTick(room, limits)).not.toBeNull()
          if (room.life.is === 'waking')
            expect(rooms.nextTick(room, limits)).toBeLessThanOrEqual(now + limits.wakeTimeoutMs)
        })
      }),
    )
  })

  it('whoever waits is told when the door opens or when it will not open', () => {
    fc.assert(
      fc.property(stories, (story) => {
        tell(story, ({ room, commands }, before, now) => {
          if (mayHold(before, now) && !mayHold(room, now))
            expect(commands.map((command) => command.do)).toContain('let in')
        })
      }),
    )
  })

  it('background and parts of pages never wake', () => {
    fc.assert(
      fc.property(stories, fc.constantFrom(...kinds), (story, kind) => {
        fc.pre(classOf(kind) !== 'A')
        tell(story, ({ room }, _before, now) => {
          expect(decide(room, { kind, at: now, usualMs: 1 }, now)).not.toMatch(/wake/)
        })
      }),
    )
  })
})
