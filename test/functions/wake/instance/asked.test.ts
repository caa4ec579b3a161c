import { describe, expect, it } from 'vitest'
import { wake } from '#functions/wake/events.ts'
import type { Keeper } from '#functions/wake/instance/keeper.ts'
import type { Rooms } from '#functions/wake/instance/rooms.ts'
import { observationOf } from '#functions/wake/instance/usage.ts'
import { makeEvent } from '#shared/events/emit.ts'
import { asleep, awake, entryOf, room, sleeping } from './rooms-of.ts'

const event = makeEvent({
  type: 'io.platxa.instance.wake.requested.v1',
  source: '/test',
  id: '1',
  data: { name: 'demo', trigger: 'manual' },
})

describe('a wake that is asked for by event', () => {
  it.each([
    ['asleep', room(asleep, { world: sleeping })],
    ['awake already', room(awake)],
  ])('counts as use of an instance that is %s, so that nobody finds it idle while it comes up', (_, before) => {
    const entry = entryOf(before)
    const rooms = { synced: true, named: () => entry } as Partial<Rooms> as Rooms
    const keeper = { change: () => {} } as Partial<Keeper> as Keeper
    wake(event, { rooms, keeper, now: () => 1000 })
    expect(observationOf(entry, 1500)).toMatchObject({ idleMs: 500, inFlight: 0 })
  })

  it('is no use when a scheduled job is what it is for: it sleeps again as soon as that is done', () => {
    const entry = entryOf()
    const rooms = { synced: true, named: () => entry } as Partial<Rooms> as Rooms
    const keeper = { change: () => {} } as Partial<Keeper> as Keeper
    const cron = { ...event, data: { name: 'demo', trigger: 'cron' as const } }
    wake(cron, { rooms, keeper, now: () => 1000 })
    expect(observationOf(entry, 1500)).toMatchObject({ idleMs: null, inFlight: 0 })
  })

  it.each([
    ['awake', room(awake), 500],
    ['asleep', room(asleep, { world: sleeping }), null],
  ])('tells for how long the instance has been awake: %s', (_, before, wanted) => {
    const entry = entryOf(before)
    const since = before.life.is === 'awake' ? before.life.since : 0
    expect(observationOf(entry, since + 500).awakeMs).toBe(wanted)
  })
})
