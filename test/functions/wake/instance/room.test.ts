import { describe, expect, it } from 'vitest'
import { isFenced, lift, raise } from '#functions/wake/instance/fence.ts'
import type { Command, Room, Step } from '#functions/wake/instance/life.ts'
import * as rooms from '#functions/wake/instance/room.ts'
import {
  asleep,
  awake,
  crashing,
  failed,
  ip,
  pod,
  quota,
  room,
  sleeping,
  unschedulable,
  waking,
  world,
} from './rooms-of.ts'

const wish = { trigger: 'http' as const, why: 'somebody opened /odoo' }
const limits = { wakeTimeoutMs: 300_000 }
const resting = { failures: 1, until: 30_000, trouble: crashing }

interface Row {
  readonly when: string
  readonly step: Step
  readonly is: Room['life']['is']
  readonly asks: readonly Command['do'][]
}

const rows: readonly Row[] = [
  {
    when: 'somebody opens a sleeper, it is scaled up',
    step: rooms.demand(room(asleep), wish, 5),
    is: 'waking',
    asks: ['scale'],
  },
  {
    when: 'a second one opens it, nothing more is asked',
    step: rooms.demand(room(waking({ scale: 'asked' })), wish, 6),
    is: 'waking',
    asks: [],
  },
  {
    when: 'the pod of before still ends, the wake waits for it',
    step: rooms.demand(room(asleep, { world: world({ replicas: 0, stopping: true }) }), wish, 5),
    is: 'waking',
    asks: [],
  },
  {
    when: 'the pod of before has ended, the wake goes on',
    step: rooms.seeWorld(
      room(waking({ scale: 'after the old pod' }), { world: world({ replicas: 0, stopping: true }) }),
      sleeping,
      9,
    ),
    is: 'waking',
    asks: ['scale'],
  },
  {
    when: 'the pod of before does not end, the wake goes on after a while',
    step: rooms.tick(room(waking({ scale: 'after the old pod' })), rooms.oldPodMs, limits),
    is: 'waking',
    asks: ['scale'],
  },
  {
    when: 'the watch still shows no replica after the PATCH, nothing happens',
    step: rooms.seeWorld(room(waking({ scale: 'done' })), sleeping, 9),
    is: 'waking',
    asks: [],
  },
  {
    when: 'the watch never shows the replica, it counts as asleep and whoever waits asks again',
    step: rooms.tick(room(waking({ scale: 'done', marks: { accepted: 100 } })), 10_100, limits),
    is: 'asleep',
    asks: ['stop probing', 'let in'],
  },
  {
    when: 'somebody else scales it down in the middle of a wake, it is asleep',
    step: rooms.seeWorld(room(waking()), sleeping, 9),
    is: 'asleep',
    asks: ['stop probing', 'let in'],
  },
  {
    when: 'the pod gets its address, it is probed',
    step: rooms.seeWorld(room(waking()), world({ pod: pod() }), 9),
    is: 'waking',
    asks: ['probe'],
  },
  {
    when: 'nobody waits here, the kubelet is believed and nothing is probed',
    step: rooms.seeWorld(room(waking({ eager: false, wish: null })), world({ pod: pod() }), 9),
    is: 'waking',
    asks: [],
  },
  {
    when: 'somebody comes to wait here too, it is probed',
    step: rooms.hurry(room(waking({ eager: false, wish: null }), { world: world({ pod: pod() }) }), 9),
    is: 'waking',
    asks: ['probe'],
  },
  {
    when: 'the pod answers us, everybody is let in and it is told',
    step: rooms.answers(room(waking(), { world: world({ pod: pod() }) }), 'pod-1', 9),
    is: 'awake',
    asks: ['stop probing', 'let in', 'tell woken'],
  },
  {
    when: 'another replica woke it, this one does not tell',
    step: rooms.answers(room(waking({ wish: null }), { world: world({ pod: pod() }) }), 'pod-1', 9),
    is: 'awake',
    asks: ['stop probing', 'let in'],
  },
  {
    when: 'a pod of before answers us, it is not believed',
    step: rooms.answers(room(waking(), { world: world({ pod: pod({ uid: 'pod-2' }) }) }), 'pod-1', 9),
    is: 'waking',
    asks: [],
  },
  {
    when: 'the kubelet says ready first, that is enough',
    step: rooms.seeWorld(room(waking()), world({ pod: pod({ ready: true }) }), 9),
    is: 'awake',
    asks: ['stop probing', 'let in', 'tell woken'],
  },
  {
    when: 'it was awake before this replica started, it is awake',
    step: rooms.newRoom(world({ pod: pod({ ready: true }) }), 9),
    is: 'awake',
    asks: ['stop probing', 'let in'],
  },
  {
    when: 'it falls asleep, its connections are given up',
    step: rooms.seeWorld(room(awake), sleeping, 9),
    is: 'asleep',
    asks: ['release', 'stop probing', 'let in'],
  },
  {
    when: 'its pod is replaced, it is on its way again',
    step: rooms.seeWorld(room(awake), world({ pod: pod({ uid: 'pod-2', ip: '10.9.9.9' }) }), 9),
    is: 'waking',
    asks: ['release'],
  },
  {
    when: 'it is too busy to be ready, it is still awake',
    step: rooms.seeWorld(room(awake), world({ pod: pod({ ready: false }) }), 9),
    is: 'awake',
    asks: [],
  },
  {
    when: 'nobody listens at its address, it is probed',
    step: rooms.unreachable(room(awake, { world: world({ pod: pod({ ready: true }) }) }), ip, 9),
    is: 'waking',
    asks: ['probe', 'release'],
  },
  {
    when: 'nobody listened at an address it no longer has, nothing happens',
    step: rooms.unreachable(room(awake), '10.0.0.99', 9),
    is: 'awake',
    asks: [],
  },
  {
    when: 'the kubelet repeats an old "ready" after that, only the probe is believed',
    step: rooms.seeWorld(room(waking({ trust: 'probe' })), world({ pod: pod({ ready: true }) }), 9),
    is: 'waking',
    asks: ['probe'],
  },
  {
    when: 'its container crashes again and again, the wake has failed',
    step: rooms.seeWorld(room(waking()), world({ pod: pod(), trouble: crashing }), 9),
    is: 'failed',
    asks: ['stop probing', 'let in', 'tell failed'],
  },
  {
    when: 'no node has a place for it, the wake goes on',
    step: rooms.seeWorld(
      room(waking()),
      world({ pod: pod({ ip: null, phase: 'accepted' }), trouble: unschedulable }),
      9,
    ),
    is: 'waking',
    asks: [],
  },
  {
    when: 'the quota refuses it for the first time, the wake goes on',
    step: rooms.seeWorld(room(waking()), world({ trouble: quota }), 9),
    is: 'waking',
    asks: [],
  },
  {
    when: 'the quota has refused it for three seconds, the wake has failed',
    step: rooms.tick(room(waking({ troubledAt: 9 }), { world: world({ trouble: quota }) }), 3_009, limits),
    is: 'failed',
    asks: ['stop probing', 'let in', 'tell failed'],
  },
  {
    when: 'the wake takes longer than it may, it has failed',
    step: rooms.tick(room(waking()), 300_000, limits),
    is: 'failed',
    asks: ['stop probing', 'let in', 'tell failed'],
  },
  {
    when: 'the API server refuses the PATCH, the wake has failed and it still sleeps',
    step: rooms.notScaled(room(waking({ scale: 'asked' }), { world: sleeping }), crashing, 9),
    is: 'asleep',
    asks: ['stop probing', 'let in', 'tell failed'],
  },
  {
    when: 'somebody opens it soon after a failed wake, it rests',
    step: rooms.demand(room(asleep, { rest: resting }), wish, 29_999),
    is: 'asleep',
    asks: [],
  },
  {
    when: 'somebody opens it after the rest, it is tried again',
    step: rooms.demand(room(asleep, { rest: resting }), wish, 30_000),
    is: 'waking',
    asks: ['scale'],
  },
  {
    when: 'a person presses the button while it rests, it is tried again',
    step: rooms.demand(room(asleep, { rest: resting }), { trigger: 'manual', why: 'asked' }, 1),
    is: 'waking',
    asks: ['scale'],
  },
  {
    when: 'a failed pod looks healthy between two crashes, it has still failed',
    step: rooms.seeWorld(room(failed(crashing)), world({ pod: pod() }), 9),
    is: 'failed',
    asks: [],
  },
  {
    when: 'a failed pod gets ready after all, it is awake',
    step: rooms.seeWorld(room(failed(crashing)), world({ pod: pod({ ready: true }) }), 9),
    is: 'awake',
    asks: ['stop probing', 'let in'],
  },
  {
    when: 'there is a new pod after the failed one, it is on its way',
    step: rooms.seeWorld(room(failed(crashing)), world({ pod: pod({ uid: 'pod-2' }) }), 9),
    is: 'waking',
    asks: [],
  },
  {
    when: 'it is suspended while awake, nobody is let in any more',
    step: rooms.seeWorld(room(awake), world({ status: 'suspended', pod: pod() }), 9),
    is: 'asleep',
    asks: ['release', 'stop probing', 'let in'],
  },
  {
    when: 'somebody opens a suspended one, nothing happens',
    step: rooms.demand(room(asleep, { world: world({ status: 'suspended', replicas: 0 }) }), wish, 9),
    is: 'asleep',
    asks: [],
  },
]

describe('a room', () => {
  it.each(rows)('when $when', ({ step, is, asks }) => {
    expect(step.room.life.is).toBe(is)
    expect(step.commands.map((command) => command.do)).toEqual(asks)
  })

  it('rests twice as long after each failed wake, up to a quarter of an hour, and not at all after a good one', () => {
    let now = 0
    let current = room(waking({ scale: 'asked' }), { world: sleeping })
    const rests: number[] = []
    for (let i = 0; i < 7; i += 1) {
      current = rooms.notScaled(current, crashing, now).room
      rests.push(((current.rest?.until ?? 0) - now) / 1000)
      now = current.rest?.until ?? now
      current = rooms.demand(current, wish, now).room
    }
    expect(rests).toEqual([30, 60, 120, 240, 480, 900, 900])
    expect(rooms.seeWorld(current, world({ pod: pod({ ready: true }) }), now).room.rest).toBeNull()
  })

  it('knows the next moment at which something runs out', () => {
    expect(rooms.nextTick(room(asleep), limits)).toBeNull()
    expect(rooms.nextTick(room(waking({ since: 7 })), limits)).toBe(300_007)
    expect(rooms.nextTick(room(waking({ scale: 'after the old pod' })), limits)).toBe(rooms.oldPodMs)
    expect(rooms.nextTick(room(awake, { fence: { id: 'a', until: 44 } }), limits)).toBe(44)
    expect(rooms.nextTick(room(waking(), { fence: { id: 'a', until: 44 } }), limits)).toBe(44)
  })
})

describe('a fence', () => {
  it('stands until its time is over, also when no timer rings', () => {
    const raised = raise(room(awake), 'a', 100, 0)?.room ?? room(asleep)
    expect([99, 100].map((now) => isFenced(raised, now))).toEqual([true, false])
  })

  it('is refused while another one stands, and given when that one is over', () => {
    const raised = raise(room(awake), 'a', 100, 0)?.room ?? room(asleep)
    expect(raise(raised, 'b', 100, 50)).toBeNull()
    expect(raise(raised, 'b', 100, 100)?.room.fence).toEqual({ id: 'b', until: 200 })
  })

  it('is lifted by its own id only, and lets in who waits', () => {
    const raised = raise(room(awake), 'a', 100, 0)?.room ?? room(asleep)
    expect(lift(raised, 'b')).toEqual({ room: raised, commands: [] })
    expect(lift(raised, 'a')).toMatchObject({ room: { fence: null }, commands: [{ do: 'let in' }] })
  })

  it('is gone when the instance has fallen asleep behind it', () => {
    const raised = raise(room(awake), 'a', 100, 0)?.room ?? room(asleep)
    const { room: after, commands } = rooms.seeWorld(raised, sleeping, 50)
    expect(after.fence).toBeNull()
    expect(commands.map((command) => command.do)).toContain('let in')
  })

  it('lets in who waits when its time is over', () => {
    const raised = raise(room(awake), 'a', 100, 0)?.room ?? room(asleep)
    const { room: after, commands } = rooms.tick(raised, 100, limits)
    expect(after.fence).toBeNull()
    expect(commands).toEqual([{ do: 'let in' }])
  })
})
