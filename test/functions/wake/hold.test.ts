import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHolds, letIn, type Hold } from '#functions/wake/hold.ts'

class Client extends EventEmitter {
  destroyed = false
  leave(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function wish(over: Partial<Hold> = {}): Hold {
  return { waiting: new Set(), client: new Client(), limitMs: 1_000, who: 'other', ...over }
}

describe('holds', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('let everybody in at once', async () => {
    const holds = createHolds({ perInstance: 10, total: 10 })
    const waiting: Hold['waiting'] = new Set()
    const all = [1, 2, 3].map(() => holds.hold(wish({ waiting })))
    expect(holds.held).toBe(3)
    letIn(waiting)
    expect(await Promise.all(all)).toEqual(['let in', 'let in', 'let in'])
    expect(holds.held).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('give up when the limit is reached, and free the place', async () => {
    const holds = createHolds({ perInstance: 1, total: 1 })
    const late = holds.hold(wish({ limitMs: 500 }))
    vi.advanceTimersByTime(500)
    expect(await late).toBe('too long')
    expect(holds.held).toBe(0)
  })

  it('free the place of a client that leaves, and do not start for one that has left', async () => {
    const holds = createHolds({ perInstance: 1, total: 1 })
    const client = new Client()
    const held = holds.hold(wish({ client }))
    client.leave()
    expect(await held).toBe('client gone')
    expect(await holds.hold(wish({ client }))).toBe('client gone')
    expect(holds.held).toBe(0)
    expect(client.listenerCount('close')).toBe(0)
  })

  it('are bounded per instance and in all', async () => {
    const full: string[] = []
    const holds = createHolds({ perInstance: 2, total: 3 }, (budget) => full.push(budget))
    const one: Hold['waiting'] = new Set()
    const other: Hold['waiting'] = new Set()
    void holds.hold(wish({ waiting: one }))
    void holds.hold(wish({ waiting: one }))
    expect(await holds.hold(wish({ waiting: one }))).toBe('full')
    void holds.hold(wish({ waiting: other }))
    expect(await holds.hold(wish({ waiting: other }))).toBe('full')
    expect(holds.held).toBe(3)
    expect(full).toEqual(['holds per instance', 'holds in all'])
  })

  it('leave half of the places to what somebody waits for, and a tenth on top to people', async () => {
    const full: string[] = []
    const holds = createHolds({ perInstance: 4, total: 100 }, (budget, who) => full.push(`${who}: ${budget}`))
    const waiting: Hold['waiting'] = new Set()
    const hold = (who: Hold['who']): Promise<string> => holds.hold(wish({ waiting, who }))
    void hold('nobody')
    void hold('nobody')
    expect(await hold('nobody')).toBe('full')
    void hold('other')
    void hold('other')
    expect(await hold('other')).toBe('full')
    void hold('person')
    expect(await hold('person')).toBe('full')
    expect(waiting.size).toBe(5)
    expect(full).toEqual(['nobody: holds per instance', 'other: holds per instance', 'person: holds per instance'])
  })
})
