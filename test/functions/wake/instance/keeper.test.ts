import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { waitingFor, watchingFor, type Entry } from '#functions/wake/instance/entry.ts'
import { raise } from '#functions/wake/instance/fence.ts'
import { createHolds } from '#functions/wake/hold.ts'
import { createKeeper, type Keeper } from '#functions/wake/instance/keeper.ts'
import { listening } from '#functions/wake/instance/room.ts'
import { createWakeMetrics } from '#functions/wake/metrics.ts'
import type { Publisher } from '#shared/events/publish.ts'
import type { Kubernetes } from '#shared/k8s/kubernetes.ts'
import { createMetrics } from '#shared/server/metrics.ts'
import { silentLog } from '#test/world/postgres.ts'
import { EventEmitter } from 'node:events'
import { awake, entryOf, pod, quota, room, waking, world } from './rooms-of.ts'

class Client extends EventEmitter {
  readonly destroyed = false
}

/** How far behind the timers the clock is, as it happens on real machines. */
let lateMs = 0
const now = (): number => Date.now() - lateMs

function keeper(publisher?: Publisher): Keeper {
  const metrics = createWakeMetrics(createMetrics(), { holds: () => 0, parked: () => 0, entries: () => [], now })
  const signal = new AbortController().signal
  const deps = { kubernetes: {} as Kubernetes, publisher, source: '//test', replica: 'test', log: silentLog }
  const hooks = { release: () => undefined, onAwake: () => undefined, onPodTrouble: () => undefined }
  return createKeeper({
    ...deps,
    ...hooks,
    now,
    metrics,
    signal,
    idleTimeoutMs: 900_000,
    limits: { wakeTimeoutMs: 60_000 },
  })
}

const entryWith = (state: Entry['room']): Entry => entryOf(state, { replicas: 1 })

describe('a keeper', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
  afterEach(() => {
    vi.useRealTimers()
    lateMs = 0
  })

  it.each([0, 1, 3])('gives up a wake when its time is over, with a clock that is %i ms behind', (late) => {
    const { change } = keeper()
    const entry = entryWith(room(waking({ since: now(), wish: null }), { world: world({ trouble: quota }) }))
    change(entry, (before) => ({ room: { ...before }, commands: [] }))
    lateMs = late
    vi.advanceTimersByTime(60_000 + late)
    expect(entry.room.life.is).toBe('failed')
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([0, 2])(
    'lets in who waits behind a fence when its time is over, with a clock that is %i ms behind',
    async (late) => {
      const { change } = keeper()
      const entry = entryWith(room(awake))
      change(entry, (before, at) => raise(before, 'a', 500, at) ?? { room: before, commands: [] })
      const holds = createHolds({ perInstance: 1, total: 1 })
      const held = holds.hold({ waiting: waitingFor(entry), client: new Client(), limitMs: 10_000, who: 'person' })
      lateMs = late
      vi.advanceTimersByTime(500 + late)
      expect(await held).toBe('let in')
    },
  )

  it('lets loading pages look again when the instance accepts connections, and nobody in', async () => {
    const { change } = keeper()
    const entry = entryWith(room(waking({ since: now() }), { world: world({ pod: pod() }) }))
    const holds = createHolds({ perInstance: 2, total: 2 })
    const limits = { client: new Client(), limitMs: 1_000, who: 'person' } as const
    const [page, call] = [watchingFor(entry), waitingFor(entry)].map((waiting) => holds.hold({ ...limits, waiting }))
    change(entry, (before, at) => listening(before, 'pod-1', at))
    expect([await page, holds.held]).toEqual(['let in', 1])
    vi.advanceTimersByTime(1_000)
    expect(await call).toBe('too long')
  })

  it('tells of a wake to the end before it closes, when the broker takes its time', async () => {
    const happened: string[] = []
    const slow = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      happened.push('told')
    }
    const slowly = keeper({ publish: slow })
    const wish = { trigger: 'http', why: 'somebody opened /', client: 'browser' } as const
    slowly.change(entryWith(room(waking({ wish }))), (before, at) => ({
      room: { ...before },
      commands: [{ do: 'tell failed', wish, trouble: quota, at } as const],
    }))
    const closed = slowly.close().then(() => happened.push('closed'))
    await vi.advanceTimersByTimeAsync(1_000)
    await closed
    expect(happened).toEqual(['told', 'closed'])
  })

  it('has no timer for an instance nothing is awaited of', () => {
    const { change } = keeper()
    const entry = entryWith(room(awake))
    change(entry, (before) => ({ room: { ...before }, commands: [] }))
    expect(vi.getTimerCount()).toBe(0)
  })
})
