import { describe, expect, it } from 'vitest'
import type { Kind } from '#functions/wake/classes/classify.ts'
import { decide, decideSocket, type Decision, type SocketDecision } from '#functions/wake/decide.ts'
import type { Room } from '#functions/wake/instance/life.ts'
import type { Marks, World } from '#functions/wake/instance/world.ts'
import { asleep, awake, crashing, failed, pod, room, unschedulable, waking, world } from './instance/rooms-of.ts'

const now = 10_000
const fence = { id: 'a', until: now + 1 }
const rest = { failures: 1, until: now + 1, trouble: crashing }
const suspended = room(asleep, { world: world({ replicas: 0, status: 'suspended' }) })
const disabled = room(asleep, { world: world({ replicas: 0, status: 'disabled' }) })

const table: readonly (readonly [state: string, room: Room, kind: Kind, decision: Decision])[] = [
  ['an awake instance', room(awake), 'page load', 'forward'],
  ['an awake instance', room(awake), 'health', 'forward'],
  ['an awake instance', room(awake), 'missed notifications', 'forward'],
  ['a fenced instance', room(awake, { fence }), 'page load', 'hold'],
  ['a fenced instance', room(awake, { fence }), 'call', 'hold'],
  ['a fenced instance', room(awake, { fence }), 'background', 'hold'],
  ['an instance whose fence has expired', room(awake, { fence: { id: 'a', until: now } }), 'call', 'forward'],
  ['a sleeper', room(asleep), 'page load', 'show the page and wake'],
  ['a sleeper', room(asleep), 'call', 'hold and wake'],
  ['a sleeper', room(asleep), 'background', 'not now'],
  ['a sleeper', room(asleep), 'asset', 'not now'],
  ['a sleeper', room(asleep), 'crawler', 'not now'],
  ['a sleeper', room(asleep), 'health', 'answer for it'],
  ['a sleeper', room(asleep), 'monitor', 'answer for it'],
  ['a sleeper', room(asleep), 'version info', 'answer for it'],
  ['a sleeper', room(asleep), 'missed notifications', 'answer for it'],
  ['a sleeper', room(asleep), 'robots', 'answer for it'],
  ['a sleeper', room(asleep), 'icon', 'answer for it'],
  ['a waking instance', room(waking()), 'page load', 'show the page and wake'],
  ['a waking instance', room(waking()), 'call', 'hold and wake'],
  ['a waking instance', room(waking()), 'asset', 'hold'],
  ['a waking instance', room(waking()), 'background', 'hold'],
  ['a waking instance', room(waking()), 'crawler', 'not now'],
  [
    'an instance nobody has a place for yet',
    room(waking(), { world: world({ trouble: unschedulable }) }),
    'call',
    'hold and wake',
  ],
  ['an instance that does not start', room(failed(crashing)), 'page load', 'show the page'],
  ['an instance that does not start', room(failed(crashing)), 'call', 'tell the failure'],
  ['an instance that rests', room(asleep, { rest }), 'page load', 'show the page'],
  ['an instance that rests', room(asleep, { rest }), 'call', 'tell the failure'],
  ['an instance that has rested', room(asleep, { rest: { ...rest, until: now } }), 'call', 'hold and wake'],
  ['a suspended instance', suspended, 'page load', 'suspended'],
  ['a suspended instance', suspended, 'health', 'suspended'],
  ['a disabled instance', disabled, 'call', 'disabled'],
]

describe('decide', () => {
  it.each(table)('%s: %#', (_state, room, kind, decision) => {
    expect(decide(room, { kind, at: now, usualMs: undefined }, now)).toBe(decision)
  })

  it('holds a page briefly where history says that the page would only flash', () => {
    const at = (usualMs: number, arrivedAgo: number, begunAgo: number): Decision =>
      decide(room(waking({ since: now - begunAgo })), { kind: 'page load', at: now - arrivedAgo, usualMs }, now)
    expect(at(900, 0, 0)).toBe('hold briefly and wake')
    expect(at(900, 1_499, 1_499)).toBe('hold briefly and wake')
    expect(at(900, 1_500, 1_500)).toBe('show the page and wake')
    expect(at(900, 0, 1_500)).toBe('show the page and wake')
    expect(at(2_000, 0, 0)).toBe('show the page and wake')
    expect(decide(room(asleep), { kind: 'page load', at: now, usualMs: 900 }, now)).toBe('hold briefly and wake')
  })

  describe('holds a page briefly where little is left of a long wake', () => {
    const usualMs = 4_000
    const begunAgo = (ago: number, marks: Marks, more?: Partial<World>): Room =>
      room(waking({ since: now - ago, marks }), { world: world({ pod: pod(), ...more }) })
    const accepts = { database: now - 100 }
    it.each<[string, Room, number | undefined, number, Decision]>([
      ['it accepts connections', begunAgo(3_000, accepts), usualMs, 0, 'hold briefly and wake'],
      ['it is late', begunAgo(9_000, accepts), usualMs, 0, 'hold briefly and wake'],
      ['it does not accept any yet', begunAgo(3_000, {}), usualMs, 0, 'show the page and wake'],
      ['it is usually not there for long', begunAgo(2_500, accepts), usualMs, 0, 'show the page and wake'],
      ['nobody knows what is usual', begunAgo(3_000, accepts), undefined, 0, 'show the page and wake'],
      ['the page has been held already', begunAgo(3_000, accepts), usualMs, 1_500, 'show the page and wake'],
      ['something is wrong', begunAgo(3_000, accepts, { trouble: crashing }), usualMs, 0, 'show the page and wake'],
    ])('%s', (_when, seen, usual, arrivedAgo, decision) => {
      expect(decide(seen, { kind: 'page load', at: now - arrivedAgo, usualMs: usual }, now)).toBe(decision)
    })
  })
})

const sockets: readonly (readonly [what: string, room: Room, path: string, decision: SocketDecision])[] = [
  ['an open tab of an awake instance', room(awake), '/websocket', 'forward'],
  ['another socket of an awake instance', room(awake), '/iot', 'forward'],
  ['an open tab of a sleeper', room(asleep), '/websocket', 'park'],
  ['an open tab of a waking instance', room(waking()), '/websocket', 'park'],
  ['an open tab of a fenced instance', room(awake, { fence }), '/websocket', 'park'],
  ['an open tab of an instance that does not start', room(failed(crashing)), '/websocket', 'park'],
  ['a socket of a sleeper that is not the bus', room(asleep), '/iot', 'not now'],
  ['an open tab of a suspended instance', suspended, '/websocket', 'suspended'],
  ['an open tab of a disabled instance', disabled, '/websocket', 'disabled'],
]

describe('decideSocket', () => {
  it.each(sockets)('%s', (_what, room, path, decision) => {
    expect(decideSocket(room, path, now)).toBe(decision)
  })
})
