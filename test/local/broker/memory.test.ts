import { describe, expect, it } from 'vitest'
import { createMemory } from '#local/broker/memory.ts'

const event = (type: string, id: string) => ({
  at: 0,
  id,
  type,
  source: '/s',
  subject: undefined,
  data: '',
  from: 'ingress',
})
const TICK = 'dev.knative.sources.ping'

describe("the broker's memory", () => {
  it('forgets the oldest when it is full', () => {
    const memory = createMemory(2)
    for (const id of ['1', '2', '3']) memory.open(event('t', id))
    expect(memory.list().map(({ id }) => id)).toEqual(['3', '2'])
  })

  it('keeps of the cron ticks the last, and those that went wrong', () => {
    const memory = createMemory()
    for (const [id, status] of Object.entries({ 1: 202, 2: 500, 3: 202 })) memory.open(event(TICK, id)).answered(status)
    memory.open(event('t', '4')).answered(202)
    memory.open(event(TICK, '5'))
    expect(memory.list().map(({ id }) => id)).toEqual(['5', '4', '2'])
  })
})
